//! What a scheduler says of its parts.

use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::OwnerState;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;

use crate::recorder::{at, every, scheduler};

#[test]
fn an_outage_has_its_first_time_and_its_last_error() {
    let scheduler = scheduler();
    let store = TestStore::default();
    scheduler.add_jobstore("remote", store.clone()).unwrap();
    scheduler.start().unwrap();
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(60)).jobstore("remote");
    scheduler.add_job(job).unwrap();
    scheduler.step();
    let health = |scheduler: &SteppedScheduler, alias: &str| {
        scheduler.store_health().into_iter().find(|store| &*store.alias == alias).unwrap()
    };
    assert_eq!(health(&scheduler, "remote").failure, None);
    assert_eq!(health(&scheduler, "remote").last_pass, Some(at(0)));
    store.fail(true);
    scheduler.advance(TimeDelta::seconds(60));
    scheduler.advance(TimeDelta::seconds(10));
    let failure = health(&scheduler, "remote").failure.unwrap();
    assert_eq!(failure.since, at(60));
    assert!(!failure.error.is_empty());
    assert_eq!(health(&scheduler, "default").failure, None, "another store works");
    store.fail(false);
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(health(&scheduler, "remote").failure, None);
}

#[test]
fn the_age_of_the_last_turn_is_elapsed_time() {
    let scheduler = scheduler();
    assert_eq!(scheduler.since_last_turn(), None, "it has not been started");
    scheduler.start().unwrap();
    assert_eq!(scheduler.since_last_turn(), None, "there was no turn yet");
    scheduler.turn();
    assert_eq!(scheduler.since_last_turn(), Some(Duration::ZERO));
    scheduler.manual_clock().advance(TimeDelta::seconds(90));
    scheduler.manual_clock().adjust(TimeDelta::hours(1));
    assert_eq!(scheduler.since_last_turn(), Some(Duration::from_secs(90)));
    assert!(!scheduler.lost_its_loop());
    scheduler.shutdown(Shutdown::Now).unwrap();
    assert_eq!(scheduler.since_last_turn(), None);
}

#[test]
fn a_loop_that_has_ended_is_lost() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.end_loop();
    assert!(scheduler.lost_its_loop());
}

#[test]
fn the_owners_of_a_store_are_those_that_process_its_jobs() {
    let scheduler = scheduler();
    assert!(scheduler.owners_in("default").is_err(), "there is no store before the start");
    scheduler.start().unwrap();
    let owners = scheduler.owners_in("default").unwrap();
    let own = scheduler.store_health()[0].owner;
    // A store in memory has no other owners, and may keep none.
    assert!(owners.iter().all(|owner| owner.owner.id == own && owner.state == OwnerState::Alive));
    assert!(scheduler.owners_in("defalt").is_err());
}
