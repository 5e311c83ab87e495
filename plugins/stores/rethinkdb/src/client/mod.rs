//! A blocking client for RethinkDB's protocol. It knows nothing of jobs.
//!
//! A [`Connection`] is opened with a login in the handshake `V1_0`. It sends a query as one frame, and collects the answer,
//! which may come in several batches. A [`Term`] is a query, or a part of one. A [`Feed`] reports changes until it is dropped.
//!
//! Every wait has a limit, and [`Interrupter`] ends a wait from another thread.

mod connection;
mod error;
mod feed;
mod frame;
mod handshake;
mod response;
mod scram;
mod stream;
mod target;
mod term;
#[cfg(feature = "tls")]
mod tls;

pub(crate) use connection::Connection;
pub(crate) use error::{ClientError, ServerError};
pub(crate) use feed::{Feed, FeedEvent};
pub(crate) use stream::Interrupter;
pub(crate) use target::{Target, Tls};
pub(crate) use term::{Term, datum, max_value, min_value, now};
