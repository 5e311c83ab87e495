//! The trigger of `docs/PLUGINS.md` keeps what `Trigger` promises.

#![allow(clippy::unwrap_used, reason = "tests")]

use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{TriggerConfig, TriggerContext};
use chrono::TimeDelta;

#[allow(
    clippy::pedantic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "the page is no crate"
)]
mod page {
    include!(concat!(env!("OUT_DIR"), "/trigger.rs"));
}

#[test]
fn it_moves_forward_and_comes_back_from_its_config() {
    let registry = Registry::empty();
    registry.register(page::PLUGIN.clone()).unwrap();
    let now: Timestamp = "2027-03-28T00:59:59.5Z".parse().unwrap();
    let context = TriggerContext { registry: &registry, timezone: Zone::UTC, now };
    let config =
        TriggerConfig::new("backoff").option("timezone", "Europe/Helsinki").option("unit", "7");
    let trigger = context.build(&config).unwrap();
    let later = TriggerContext { now: now + TimeDelta::days(1), ..context.clone() };
    let again = later.build(&trigger.config()).unwrap();
    assert_eq!(again.config(), trigger.config());

    let first = trigger.next_fire_time(None, now).unwrap();
    assert!(first >= now);
    let mut last = first;
    while let Some(next) = trigger.next_fire_time(Some(last), now) {
        assert!(next > last);
        // A `previous` that is no fire time of it moves nothing.
        assert_eq!(
            trigger.next_fire_time(Some(next - TimeDelta::microseconds(1)), now),
            Some(next)
        );
        assert_eq!(again.next_fire_time(Some(last), now), Some(next));
        assert_eq!(trigger.last_fire_time(first, next), next);
        last = next;
    }
}
