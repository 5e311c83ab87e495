//! The generated code passes the strictest lints of the crate that uses the macros.
#![forbid(unsafe_code, missing_docs, unused, non_ascii_idents)]
#![deny(
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    clippy::default_trait_access,
    clippy::absolute_paths,
    clippy::missing_docs_in_private_items,
    clippy::shadow_unrelated,
    clippy::question_mark_used,
    clippy::min_ident_chars,
    unreachable_pub,
    let_underscore_drop,
    unused_qualifications
)]

use std::future::ready;

use apscheduler::builtin;
use apscheduler::prelude::*;

/// Called only by jobs.
#[job(name = "strict::ship", alias = "strict::old")]
fn ship(
    context: &JobContext,
    _order: u64,
    note: &str,
    #[job(default)] express: bool,
    #[job(default = 3)] tries: u8,
    customer: Option<String>,
) -> Result<String, &'static str> {
    let customer = customer.ok_or("no customer");
    customer.map(|name| format!("{} {note} {express} {tries} {name}", context.job_id()))
}

/// Does nothing.
#[job]
#[allow(clippy::missing_const_for_fn, reason = "as people write it")]
fn nothing() {}

/// Deprecated.
#[deprecated]
#[scheduled_job("cron", id = "strict", hour = 3, args = ["x", 2], kwargs = { list = [] })]
async fn later(context: &JobContext, text: &str, number: i64, list: Vec<u8>) -> usize {
    ready(context.attempt()).await;
    text.len() + list.len() + usize::from(number > 0)
}

/// Registered through another crate.
#[job(crate = "apscheduler_core")]
#[must_use]
#[allow(clippy::missing_const_for_fn, reason = "as people write it")]
fn through_core() -> u8 {
    3
}

#[test]
fn all_functions_are_registered() {
    let registry = builtin::registry();
    for name in ["strict::ship", "strict::nothing", "strict::later", "strict::through_core"] {
        assert!(registry.has_function(name), "{name}");
    }
    assert_eq!(registry.declared_jobs().len(), 1);
}
