//! A previous time that is not a fire time shifts nothing: jobs are run manually, and their next
//! run times are set.

use chrono::TimeDelta;

use super::super::Setup;
use super::super::case::cases;

cases! { "grid":
    instants_between_fires_shift_nothing,
    instants_before_the_first_fire_shift_nothing,
    a_previous_time_gives_the_first_fire_after_it,
}

fn instants_between_fires_shift_nothing(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    for (index, pair) in grid.windows(2).enumerate() {
        let distance = pair[1] - pair[0];
        for previous in [
            pair[0] + TimeDelta::microseconds(1),
            pair[0] + distance / 3,
            pair[0] + distance / 2,
            pair[1] - TimeDelta::microseconds(1),
        ] {
            if previous <= pair[0] || previous >= pair[1] {
                continue;
            }
            let mut next = previous;
            for expected in &grid[index + 1..grid.len().min(index + 4)] {
                let found = trigger.next_grid_time(Some(next), previous);
                assert_eq!(found, Some(*expected), "{trigger} after a run at {previous}");
                next = *expected;
            }
        }
    }
}

fn instants_before_the_first_fire_shift_nothing(setup: &Setup<'_>) {
    let trigger = setup.trigger();
    let first = setup.grid()[0];
    let just_before = first - TimeDelta::microseconds(1);
    assert_eq!(
        trigger.next_grid_time(Some(just_before), just_before),
        Some(first),
        "{trigger} after a run just before its first fire"
    );
    for days in [1, 40, 4000] {
        let previous = first - TimeDelta::days(days);
        // The schedule may have had fires before; only those from there on count.
        let mut walked = trigger.next_grid_time(Some(previous), previous);
        assert_eq!(walked, trigger.next_grid_time(None, previous + TimeDelta::nanoseconds(1)));
        for _ in 0..Setup::STEPS {
            let Some(fire) = walked.filter(|fire| *fire < first) else { break };
            walked = trigger.next_grid_time(Some(fire), fire);
            assert!(
                walked.is_some_and(|next| next <= first),
                "{trigger} after a run at {previous} continues from {fire} to {walked:?}, past {first}"
            );
        }
    }
}

fn a_previous_time_gives_the_first_fire_after_it(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    let span = grid[grid.len() - 1] - grid[0];
    let steps = i32::try_from(Setup::STEPS).unwrap_or(1);
    for step in -2..=steps {
        // Odd distances, so that the instants do not coincide with the grid.
        let previous = grid[0] + span / steps * step + TimeDelta::microseconds(7919);
        let from = previous + TimeDelta::nanoseconds(1);
        let mut first = trigger.next_grid_time(None, from);
        // A trigger that fires once may return its time although it has passed.
        while let Some(fire) = first.filter(|fire| *fire < from) {
            first = trigger.next_grid_time(Some(fire), from);
        }
        assert_eq!(
            trigger.next_grid_time(Some(previous), previous),
            first,
            "{trigger} after {previous}"
        );
    }
}
