//! A random delay belongs to one fire. It neither hides nor moves another.

use chrono::TimeDelta;

use super::super::Setup;
use super::super::case::cases;

cases! { "jitter":
    a_delayed_fire_hides_no_other,
    a_delay_stays_within_its_limit,
}

fn a_delayed_fire_hides_no_other(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    // Delays are random: a defect may need several walks to appear.
    for _ in 0..20 {
        let mut previous = None;
        for (index, grid_time) in grid.iter().enumerate() {
            let fire = trigger.next_fire_time(previous, Setup::NOW);
            let next = grid.get(index + 1);
            let belongs =
                fire.is_some_and(|fire| fire >= *grid_time && next.is_none_or(|next| fire < *next));
            assert!(
                belongs,
                "{trigger} fires at {fire:?} after {previous:?}; expected from {grid_time} to before {next:?}"
            );
            previous = fire;
        }
    }
}

fn a_delay_stays_within_its_limit(setup: &Setup<'_>) {
    let trigger = setup.trigger();
    for grid_time in setup.grid() {
        for micros in [0, 1, 1_000_000] {
            let latest = grid_time + TimeDelta::microseconds(micros);
            let fire = trigger.add_jitter(grid_time, latest);
            assert!(
                grid_time <= fire && fire <= latest,
                "{trigger} delays {grid_time} to {fire}, the limit is {latest}"
            );
        }
    }
}
