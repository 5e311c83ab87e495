//! The router, as a client sees it.

mod access;
mod api;
mod client;
mod server;

pub(crate) use client::{scheduler, scheduler_at};
