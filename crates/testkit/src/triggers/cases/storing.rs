//! A stored trigger is restored as the same trigger, at any time and in any zone.

use apscheduler_core::trigger::{Trigger, TriggerConfig};

use super::super::Setup;
use super::super::case::cases;

cases! { "storing":
    the_config_builds_an_equal_trigger,
    a_restored_trigger_continues_unchanged,
    the_text_is_one_line,
}

fn config_of(trigger: &dyn Trigger) -> TriggerConfig {
    TriggerConfig::of(trigger).unwrap_or_else(|error| panic!("{trigger}: {}", error.chain()))
}

fn stored(setup: &Setup<'_>) -> TriggerConfig {
    let trigger = setup.trigger();
    let text =
        serde_json::to_string(&*trigger).unwrap_or_else(|error| panic!("{trigger}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn the_config_builds_an_equal_trigger(setup: &Setup<'_>) {
    let (trigger, stored) = (setup.trigger(), stored(setup));
    assert_eq!(stored, config_of(&*trigger), "the config of {trigger} as JSON");
    let restored = setup.restore(&stored);
    assert_eq!(config_of(&*restored), stored, "the config of {trigger}, restored");
    assert_eq!(restored.to_string(), trigger.to_string(), "the text, restored");
}

/// Values that were left open, such as the start, must be stored: "now" differs when the trigger is
/// restored.
fn a_restored_trigger_continues_unchanged(setup: &Setup<'_>) {
    let (trigger, restored) = (setup.trigger(), setup.restore(&stored(setup)));
    let mut previous = None;
    for grid_time in setup.grid() {
        let next = restored.next_grid_time(previous, Setup::NOW);
        assert_eq!(next, Some(grid_time), "{trigger}, restored, after {previous:?}");
        assert_eq!(restored.zone(grid_time), trigger.zone(grid_time), "the zone of {grid_time}");
        previous = next;
    }
}

fn the_text_is_one_line(setup: &Setup<'_>) {
    let text = setup.trigger().to_string();
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}
