#![doc = include_str!("../README.md")]

mod access;
mod api;
mod app;
mod dashboard;
mod doc;
mod guard;
mod hosts;
mod job_path;
mod limits;
mod live;
mod metrics;
mod once;
mod openapi;
mod options;
mod problem;
mod redaction;
mod report;
mod routes;
mod server;
#[cfg(test)]
mod tests;

pub use access::{Access, Identity, Right, Rights, Token};
pub use dashboard::Dashboard;
pub use options::HttpOptions;
pub use server::{BoundServer, Server};
