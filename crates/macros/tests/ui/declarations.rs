#![allow(unused)]

use apscheduler::{job, scheduled_job};

#[scheduled_job]
fn empty() {}

#[scheduled_job(cron, hour = 3)]
fn no_text() {}

#[scheduled_job("cron", hour)]
fn no_value() {}

#[scheduled_job("cron", hour = 3, hour = 4)]
fn twice() {}

#[scheduled_job("cron", id = 3)]
fn no_id() {}

#[scheduled_job("cron", max_instances = "two")]
fn no_number() {}

#[scheduled_job("cron", coalesce = 1)]
fn no_bool() {}

#[scheduled_job("cron", args = "x")]
fn no_array() {}

#[scheduled_job("cron", kwargs = ["x"])]
fn no_table() {}

#[scheduled_job("cron", next_run_time = 3)]
fn no_time() {}

#[scheduled_job("cron", hour = 'x')]
fn no_json() {}

#[scheduled_job("cron", trigger = "date")]
fn two_triggers() {}

#[scheduled_job("cron", replace_existing = false)]
fn always_replaced() {}

#[scheduled_job("cron", alias = "old")]
fn misplaced() {}

#[scheduled_job("cron", hour = 3)]
#[scheduled_job("cron", hour = 4)]
#[job]
fn one_id() {}

fn main() {}
