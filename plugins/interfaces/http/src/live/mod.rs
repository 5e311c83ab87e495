//! The events of the scheduler, as they happen.
//!
//! One listener feeds one bounded ring, which all readers share. A reader has a place in the ring and nothing else, so one that
//! is slow needs no memory: it finds that its place is gone, is told so, and goes on with what is there.

mod entry;
mod feed;
mod filter;
mod reader;
mod ring;

pub(crate) use feed::Feed;
pub(crate) use filter::Filter;
pub(crate) use reader::{Reader, Told};
