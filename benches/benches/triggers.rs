//! One step of a trigger: below 150 ns for cron in UTC, and below 250 ns in a zone with DST.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::Trigger;
use apscheduler_triggers::{CronTrigger, IntervalTrigger};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const STEPS: usize = 10_000;
const ZONES: [&str; 3] = ["UTC", "Europe/Helsinki", "America/St_Johns"];

fn steps(bencher: Bencher<'_, '_>, trigger: &dyn Trigger) {
    let start: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    bencher.counter(ItemsCount::new(STEPS)).bench(|| {
        let mut last = start;
        for _ in 0..STEPS {
            last = trigger.next_fire_time(Some(last), last).unwrap();
        }
        last
    });
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

#[divan::bench(args = ZONES)]
fn cron_every_second(bencher: Bencher<'_, '_>, name: &str) {
    steps(bencher, &CronTrigger::builder().second("*").timezone(zone(name)).build().unwrap());
}

#[divan::bench(args = ZONES)]
fn cron_every_five_minutes(bencher: Bencher<'_, '_>, name: &str) {
    steps(bencher, &CronTrigger::from_crontab("*/5 * * * *", zone(name)).unwrap());
}

#[divan::bench(args = ZONES)]
fn cron_working_days(bencher: Bencher<'_, '_>, name: &str) {
    let cron = CronTrigger::builder().day_of_week("mon-fri").hour("9-17").minute("0,30");
    steps(bencher, &cron.timezone(zone(name)).build().unwrap());
}

#[divan::bench]
fn interval(bencher: Bencher<'_, '_>) {
    steps(bencher, &IntervalTrigger::every(std::time::Duration::from_secs(7)));
}
