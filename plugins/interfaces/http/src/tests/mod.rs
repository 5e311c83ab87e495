//! The router, as a client sees it.

mod access;
mod api;
mod audit;
mod batch;
mod change;
mod client;
mod events;
mod limits;
mod openapi;
mod probes;
mod problems;
mod reports;
mod secrets;
mod server;

pub(crate) use client::{scheduler, scheduler_at};
