//! The JSON of every event, byte for byte.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::event::{Event, Missed};
use apscheduler_core::function::JobError;
use apscheduler_core::job::JobKey;
use apscheduler_core::ledger::RunState;
use apscheduler_core::run::{Owner, RunInfo};
use apscheduler_core::time::Timestamp;
use serde_json::json;

#[test]
fn the_json_of_events_stays_the_same() {
    let time: Timestamp = "2026-05-04T10:20:30.5Z".parse().unwrap();
    let later: Timestamp = "2026-05-04T10:20:31Z".parse().unwrap();
    let alias = || Arc::<str>::from("disk \"1\"");
    let job = || JobKey::in_store("default", "backup");
    let run = || {
        let id = "5f4dcc3b-5aa7-45d6-9d83-27deb882cf99".parse().unwrap();
        let owner = Owner::with_id(id, "shop", "host1", 4711);
        let id = "019a9d20-2c7b-7abc-9def-000000000001".parse().unwrap();
        RunInfo::new(id, Arc::new(owner), later)
    };
    let ended = || run().started(later).ended(later).duration(Duration::from_millis(1250));
    let missed = |lateness, queued, idle| Event::JobMissed {
        job: job(),
        run: run().ended(later),
        scheduled_run_time: time,
        missed: Missed::by(Duration::from_millis(lateness))
            .queued(Duration::from_millis(queued))
            .idle(Duration::from_millis(idle)),
    };
    let error = |error| Event::JobError {
        job: job(),
        run: ended(),
        scheduled_run_time: time,
        error: Arc::new(error),
    };
    let executed = |retval| Event::JobExecuted {
        job: job(),
        run: ended().attempt(2),
        scheduled_run_time: later,
        retval: Arc::new(retval),
    };
    let events = [
        Event::SchedulerStarted,
        Event::SchedulerShutdown,
        Event::SchedulerPaused,
        Event::SchedulerResumed,
        Event::ExecutorAdded { alias: alias() },
        Event::ExecutorRemoved { alias: alias() },
        Event::JobStoreAdded { alias: alias() },
        Event::JobStoreRemoved { alias: alias() },
        Event::AllJobsRemoved { alias: None },
        Event::AllJobsRemoved { alias: Some(alias()) },
        Event::JobStoreError { alias: alias(), error: "refused".into() },
        Event::JobStoreRecovered { alias: alias() },
        Event::JobStoreReplaced { alias: alias(), reason: "emptied".into() },
        Event::JobAdded(job()),
        Event::JobAdded(JobKey::new("anywhere")),
        Event::JobRemoved(job()),
        Event::JobModified(job()),
        Event::JobBroken { job: job(), reason: "no function".into() },
        Event::JobRestored(job()),
        Event::JobSubmitted { job: job(), run: run(), scheduled_run_times: [time, later].into() },
        Event::JobStarted { job: job(), run: run().started(later), scheduled_run_time: time },
        Event::JobMaxInstances { job: job(), run: run(), scheduled_run_times: [time].into() },
        executed(json!(null)),
        executed(json!({"b": [1, 2.5], "a": "text"})),
        error(JobError::new("it failed")),
        error(JobError::panic("it broke").with_trace("caused by: a\ncaused by: b")),
        Event::JobLost {
            job: job(),
            run_id: run().id,
            scheduled_run_time: time,
            owner: run().owner,
        },
        Event::RunFenced {
            job: job(),
            run_id: run().id,
            attempt: 2,
            scheduled_run_time: time,
            state: RunState::TimedOut,
        },
        Event::JobOverdue {
            job: job(),
            run_id: run().id,
            scheduled_run_time: time,
            deadline: later,
        },
        Event::LedgerError { alias: alias(), error: "refused".into() },
        Event::LedgerRecovered { alias: alias(), dropped: 7 },
        missed(2500, 2000, 0),
        missed(2500, 0, 2000),
        missed(2000, 500, 500),
    ];
    let texts: Vec<String> =
        events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    assert_eq!(texts.concat(), include_str!("event_text.jsonl"));
}
