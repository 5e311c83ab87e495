//! Why a job ran, or did not.

mod ahead;
mod runs;
mod unrecorded;

use apscheduler_core::config::Config;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::History;
use apscheduler_engine::why::{EvidenceKind, Verdict, Why};
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;

use crate::common_store::CommonStore;
use crate::recorder::{at, every, scheduler};

fn configured(history: History) -> SteppedScheduler {
    let scheduler = scheduler();
    let config = Config::new().history(history).executor("default", "debug").timezone(chrono::Utc);
    scheduler.configure(&config).unwrap();
    scheduler
}

fn started() -> SteppedScheduler {
    let scheduler = configured(History::All);
    scheduler.start().unwrap();
    scheduler
}

/// Returns a scheduler on this store, whose clock shows this second.
fn on(store: &CommonStore, second: i64) -> SteppedScheduler {
    let scheduler = configured(History::All);
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.manual_clock().set(at(second));
    scheduler
}

/// Returns a scheduler that only looks.
fn onlooker(store: &CommonStore, second: i64) -> SteppedScheduler {
    let scheduler = on(store, second);
    scheduler.open_read_only().unwrap();
    scheduler.start_paused().unwrap();
    scheduler
}

fn job(id: &str) -> JobBuilder {
    JobBuilder::new("tests::ok").id(id).trigger(every(10))
}

fn advance(scheduler: &SteppedScheduler, seconds: i64) {
    scheduler.advance(TimeDelta::seconds(seconds));
}

fn why_at(scheduler: &SteppedScheduler, second: i64) -> Why {
    scheduler.why("a", at(second)).unwrap()
}

fn why_next(scheduler: &SteppedScheduler) -> Why {
    scheduler.why("a", None).unwrap()
}

/// Asserts that the answer has this verdict and this text.
#[track_caller]
fn assert_answer(why: &Why, verdict: Verdict, text: &str) {
    assert_eq!(why.verdict, verdict, "{why}");
    assert!(why.answer.contains(text), "{why}");
}

fn has(why: &Why, kind: EvidenceKind, text: &str) -> bool {
    why.evidence.iter().any(|evidence| evidence.kind == kind && evidence.text.contains(text))
}
