//! Several processes claim at once, and one is killed in the middle. This test program starts
//! itself again as a claimer.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;

use apscheduler_core::store::{ClaimRequest, NextRun};
use apscheduler_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::actions::{Patience, add_many, claim_all, claimed, list, many_id, take};
use crate::stores::case::cases;
use crate::stores::records::second;
use crate::stores::{Place, StoreHarness};

cases! { "processes":
    Place processes_claim_each_due_job_once [Shared, Durable],
    Place a_killed_process_loses_no_job [Shared, Durable],
}

/// The environment variable that makes a test program a claimer.
const ORDER: &str = "APSCHEDULER_TESTKIT_CLAIMER";

/// The task of a claimer process.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct Order {
    harness: String,
    address: String,
    limit: usize,
}

/// Returns the task of this process if it is a claimer.
pub(in crate::stores) fn order() -> Option<Order> {
    let order = std::env::var(ORDER).ok()?;
    Some(serde_json::from_str(&order).expect("a test program wrote the order"))
}

fn now() -> Timestamp {
    second(0)
}

fn later() -> Timestamp {
    second(1000)
}

/// Runs the claimer: claims batch after batch, and writes a line for each claim that it won.
pub(in crate::stores) fn work(harnesses: &[Arc<dyn StoreHarness>], order: &Order) -> ExitCode {
    let harness = harnesses.iter().find(|harness| harness.name() == order.harness);
    let store = harness.expect("the same program has the same stores").open(&order.address);
    store.start("default").expect("the store starts");
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready").expect("the test reads");
    let mut go = String::new();
    std::io::stdin().read_line(&mut go).expect("the test writes");
    let due = ClaimRequest::new(now(), order.limit);
    let mut looked = !go.is_empty();
    while looked {
        looked = false;
        let batch = store.claim_due(&due, &mut |record| {
            looked = true;
            take(record, NextRun::At(later()))
        });
        let claims = batch.expect("due jobs are claimed").won;
        let lines: String = claims.iter().flat_map(|claim| [&*claim.record.id, "\n"]).collect();
        out.write_all(lines.as_bytes()).and_then(|()| out.flush()).expect("the test reads");
    }
    store.shutdown().expect("the store shuts down");
    ExitCode::SUCCESS
}

/// A claimer process that is ready to begin.
struct Claimer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Claimer {
    fn start(place: &Place<'_>, limit: usize) -> Self {
        let order = Order {
            harness: place.harness().name().to_owned(),
            address: place.address().to_owned(),
            limit,
        };
        let program = std::env::current_exe().expect("a test program knows its path");
        let mut child = Command::new(program)
            .env(ORDER, serde_json::to_string(&order).expect("plain data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test program starts itself");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut claimer = Self { child, lines };
        assert_eq!(claimer.line().as_deref(), Some("ready"));
        claimer
    }

    fn begin(&mut self) {
        let mut stdin = self.child.stdin.take().expect("piped");
        writeln!(stdin, "go").expect("the claimer reads");
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("the claimer writes text");
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// Returns its remaining claims, until it ends. An incomplete last line does not count.
    fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }
}

impl Drop for Claimer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn processes_claim_each_due_job_once(place: &Place<'_>) {
    let count = place.scaled(4000);
    let store = place.open();
    add_many(&*store, count, |_| now());
    let mut claimers: Vec<Claimer> = (0..4).map(|_| Claimer::start(place, 10)).collect();
    claimers.iter_mut().for_each(Claimer::begin);
    let mut won = Vec::new();
    for mut claimer in claimers {
        won.extend(claimer.rest());
        let status = claimer.child.wait().expect("the claimer ends");
        assert!(status.success(), "a claimer failed: {status}");
    }
    assert_eq!(won.len(), count, "each job is claimed once");
    let names: BTreeSet<String> = won.into_iter().collect();
    assert!(names.into_iter().eq((0..count).map(many_id)), "each job is claimed");
    assert!(list(&*store).iter().all(|record| record.next_run_time == Some(later())));
}

fn a_killed_process_loses_no_job(place: &Place<'_>) {
    const LIMIT: usize = 5;
    let count = place.scaled(20_000);
    let patience = Patience::new("a claimer is killed before it is done");
    loop {
        let store = place.open();
        store.remove_all_jobs().expect("removed");
        add_many(&*store, count, |_| now());
        store.close();
        let mut claimer = Claimer::start(place, LIMIT);
        claimer.begin();
        let mut reported: BTreeSet<String> =
            std::iter::from_fn(|| claimer.line()).take(LIMIT * 3).collect();
        claimer.child.kill().expect("the claimer is killed");
        claimer.child.wait().expect("the claimer has ended");
        reported.extend(claimer.rest());
        if reported.len() == count {
            patience.check();
            continue;
        }
        assert!(reported.len() >= LIMIT * 3, "the claimer failed by itself");
        return check_after_kill(place, count, LIMIT, &reported);
    }
}

fn check_after_kill(place: &Place<'_>, count: usize, limit: usize, reported: &BTreeSet<String>) {
    let store = place.open();
    let records = list(&*store);
    assert_eq!(records.len(), count, "no job is lost");
    for record in &records {
        let time = record.next_run_time;
        assert!(time == Some(now()) || time == Some(later()), "{} has {time:?}", record.id);
        assert!(time == Some(later()) || !reported.contains(&*record.id), "{} again", record.id);
    }
    let claims = claim_all(&*store, now(), 1000, |record| take(record, NextRun::At(later())));
    let mut names: BTreeSet<&str> = claimed(&claims).into_iter().collect();
    assert_eq!(names.len(), claims.len(), "a job was claimed twice");
    names.extend(reported.iter().map(String::as_str));
    let lost = count - names.len();
    // The killed process could not report its last claims.
    assert!(lost <= limit, "{lost} jobs were claimed by no process");
    assert!(list(&*store).iter().all(|record| record.next_run_time == Some(later())));
}
