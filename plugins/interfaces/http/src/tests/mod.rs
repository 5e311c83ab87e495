//! The router, as a client sees it.

mod access;
mod api;
mod client;
mod server;
