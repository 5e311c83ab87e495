//! How the parts of a scheduler are doing.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::OwnerRecord;
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::Timestamp;
use apscheduler_engine::health::StoreHealth;
use apscheduler_engine::{Scheduler, SchedulerState};
use serde::Serialize;
use utoipa::ToSchema;

use super::timestamp::{maybe_utc, utc};

/// A loop makes a turn at least once a minute. One that made none for so long is stuck, for example in a job of the executor
/// `loop`.
const STUCK: Duration = Duration::from_secs(150);

/// How a scheduler, its stores and its executors are doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `stopped`, `running` or `paused`.
    pub(crate) state: &'static str,
    /// Whether the event loop makes its turns.
    pub(crate) alive: bool,
    /// How long ago the last turn was, in seconds.
    pub(crate) since_last_turn: Option<f64>,
    pub(crate) stores: Vec<StoreStatus>,
    pub(crate) executors: Vec<ExecutorStatus>,
}

/// How a store is doing, and who works with it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreStatus {
    pub(crate) alias: String,
    pub(crate) up: bool,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
    /// When it failed first.
    #[serde(serialize_with = "maybe_utc")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) down_since: Option<Timestamp>,
    #[serde(serialize_with = "maybe_utc")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_pass: Option<Timestamp>,
    pub(crate) read_only: bool,
    /// Whether it records what became of runs.
    pub(crate) keeps_history: bool,
    /// All schedulers that work with it.
    pub(crate) schedulers: Vec<OwnerStatus>,
}

/// A scheduler that works with a store.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnerStatus {
    #[schema(value_type = String)]
    pub(crate) id: OwnerId,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// `alive`, `ended` or `dead`.
    pub(crate) state: &'static str,
    /// By the clock of the store.
    #[serde(serialize_with = "utc")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) heartbeat: Timestamp,
    /// In seconds.
    pub(crate) lease: f64,
    /// Whether it is the one that answers here.
    pub(crate) this: bool,
}

/// What an executor has to do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExecutorStatus {
    pub(crate) alias: String,
    /// How many runs it runs at the same time at most, if it has a limit.
    pub(crate) capacity: Option<usize>,
    pub(crate) active: usize,
    pub(crate) queued: usize,
}

/// Returns how everything is doing. It calls each store, and a store that does not answer holds it up.
pub(crate) fn health(scheduler: &Scheduler) -> Health {
    let since = scheduler.since_last_turn();
    Health {
        state: state_name(scheduler.state()),
        alive: is_alive(scheduler),
        since_last_turn: since.map(|since| since.as_secs_f64()),
        stores: scheduler.store_health().iter().map(|store| status(scheduler, store)).collect(),
        executors: executors(scheduler),
    }
}

/// Returns whether the event loop makes its turns; `true` for a scheduler that has none because it was not started. It calls
/// no store.
pub(crate) fn is_alive(scheduler: &Scheduler) -> bool {
    !scheduler.lost_its_loop() && scheduler.since_last_turn().is_none_or(|since| since < STUCK)
}

/// Returns why the scheduler does not work as it should at this moment. It calls no store.
pub(crate) fn obstacles(scheduler: &Scheduler) -> Vec<String> {
    let mut obstacles = Vec::new();
    if scheduler.state() == SchedulerState::Stopped {
        obstacles.push("the scheduler is not running".to_owned());
    }
    if !is_alive(scheduler) {
        obstacles.push("the event loop of the scheduler makes no turns".to_owned());
    }
    let down = scheduler.store_health().into_iter().filter(|store| store.failure.is_some());
    // Not why: whoever asks may have no rights.
    obstacles.extend(down.map(|store| format!("the job store `{}` is down", store.alias)));
    obstacles
}

/// Returns what the executors have to do, sorted by alias. It calls no store.
pub(crate) fn executors(scheduler: &Scheduler) -> Vec<ExecutorStatus> {
    let status = |alias: String| {
        let executor = scheduler.executor(&alias)?;
        let load = executor.load();
        let (active, queued) = (load.running, load.queued);
        Some(ExecutorStatus { alias, capacity: executor.capacity(), active, queued })
    };
    scheduler.executor_aliases().into_iter().filter_map(status).collect()
}

/// Returns the name of a state.
pub(crate) fn state_name(state: SchedulerState) -> &'static str {
    match state {
        SchedulerState::Stopped => "stopped",
        SchedulerState::Running => "running",
        SchedulerState::Paused => "paused",
    }
}

fn status(scheduler: &Scheduler, store: &StoreHealth) -> StoreStatus {
    let mut status = StoreStatus {
        alias: store.alias.to_string(),
        up: true,
        error: None,
        down_since: None,
        last_pass: store.last_pass,
        read_only: store.read_only,
        keeps_history: false,
        schedulers: Vec::new(),
    };
    if let Some(failure) = &store.failure {
        (status.up, status.error) = (false, Some(failure.error.to_string()));
        status.down_since = Some(failure.since);
        return status;
    }
    match asked(scheduler, store) {
        Ok((keeps_history, schedulers)) => {
            (status.keeps_history, status.schedulers) = (keeps_history, schedulers);
        }
        Err(error) => (status.up, status.error) = (false, Some(error.chain())),
    }
    status
}

/// Asks a store: without passes, nothing else tells whether it works.
fn asked(scheduler: &Scheduler, store: &StoreHealth) -> Result<(bool, Vec<OwnerStatus>)> {
    let opened = scheduler.jobstore(&store.alias).filter(|_| scheduler.running());
    let Some(opened) = opened else { return Ok((false, Vec::new())) };
    opened.next_run_time(None)?;
    let owners = scheduler.owners_in(&store.alias)?;
    let status = |record: OwnerRecord| OwnerStatus {
        this: record.owner.id == store.owner,
        id: record.owner.id,
        name: record.owner.name,
        host: record.owner.host,
        pid: record.owner.pid,
        state: record.state.name(),
        heartbeat: record.heartbeat,
        lease: record.lease.as_secs_f64(),
    };
    Ok((opened.ledger().is_some(), owners.into_iter().map(status).collect()))
}

#[cfg(test)]
mod tests {
    use apscheduler_core::job::JobBuilder;
    use apscheduler_core::trigger::TriggerConfig;
    use apscheduler_testkit::TestStore;
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_store_that_fails_is_down_and_the_others_are_up() {
        let scheduler = crate::tests::scheduler();
        let store = TestStore::default();
        scheduler.add_jobstore("remote", store.clone()).unwrap();
        let every = TriggerConfig::new("interval").option("seconds", 10);
        let job = JobBuilder::new("fail").trigger(every).jobstore("remote");
        scheduler.add_job(job).unwrap();
        scheduler.step();
        assert!(obstacles(&scheduler).is_empty());
        let health_of = |index: usize| health(&scheduler).stores.swap_remove(index);
        assert!(health_of(1).up);
        store.fail(true);
        // No pass has found it out yet, but a call does.
        assert!(!health_of(1).up && health_of(1).down_since.is_none());
        scheduler.advance(TimeDelta::seconds(10));
        let status = health_of(1);
        assert_eq!((&*status.alias, status.up), ("remote", false));
        assert_eq!(status.down_since, Some(scheduler.clock().now()));
        assert!(status.error.is_some());
        assert!(health_of(0).up);
        assert_eq!(obstacles(&scheduler), ["the job store `remote` is down"]);
    }

    #[test]
    fn a_loop_without_turns_is_not_alive() {
        let scheduler = crate::tests::scheduler();
        scheduler.step();
        assert!(is_alive(&scheduler));
        scheduler.manual_clock().advance(TimeDelta::seconds(149));
        assert!(is_alive(&scheduler));
        scheduler.manual_clock().advance(TimeDelta::seconds(1));
        assert!(!is_alive(&scheduler));
        assert_eq!(obstacles(&scheduler), ["the event loop of the scheduler makes no turns"]);
    }
}
