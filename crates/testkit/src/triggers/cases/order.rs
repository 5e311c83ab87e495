//! Fires are in order, and depend only on the trigger.

use chrono::TimeDelta;

use super::super::Setup;
use super::super::case::cases;

cases! { "order":
    each_fire_is_later_than_the_previous,
    the_first_fire_is_not_before_now,
    after_a_fire_now_does_not_matter,
    a_schedule_that_has_ended_stays_ended,
    results_do_not_depend_on_earlier_calls,
}

fn each_fire_is_later_than_the_previous(setup: &Setup<'_>) {
    let trigger = setup.trigger();
    let mut previous = None;
    for _ in 0..Setup::STEPS {
        let Some(fire) = trigger.next_fire_time(previous, Setup::NOW) else { break };
        assert!(Some(fire) > previous, "{trigger} fires at {fire} after {previous:?}");
        previous = Some(fire);
    }
}

fn the_first_fire_is_not_before_now(setup: &Setup<'_>) {
    let trigger = setup.trigger();
    for now in setup.grid() {
        for now in [now - TimeDelta::microseconds(1), now, now + TimeDelta::nanoseconds(1)] {
            let Some(fire) = trigger.next_fire_time(None, now) else { continue };
            // A trigger that fires once may return its time although it has passed.
            let passed = trigger.next_grid_time(None, now).filter(|time| *time < now);
            let is_once = passed.is_some_and(|time| trigger.next_grid_time(None, time) == passed);
            assert!(fire >= now || is_once, "{trigger} fires at {fire}, first from {now} on");
        }
    }
}

fn after_a_fire_now_does_not_matter(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    for pair in grid.windows(2) {
        for now in [pair[0] - TimeDelta::days(400), pair[0], pair[1] + TimeDelta::days(400)] {
            let next = trigger.next_grid_time(Some(pair[0]), now);
            assert_eq!(next, Some(pair[1]), "{trigger} after {} with now = {now}", pair[0]);
        }
    }
}

fn a_schedule_that_has_ended_stays_ended(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    let last = grid[grid.len() - 1];
    if trigger.next_grid_time(Some(last), last).is_some() {
        return;
    }
    for days in [0, 1, 1000] {
        let later = last + TimeDelta::days(days);
        let next = trigger.next_fire_time(Some(later), later);
        assert_eq!(next, None, "{trigger} ended at {last}, and fires after {later}");
    }
}

fn results_do_not_depend_on_earlier_calls(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    let next_of = |index: usize| trigger.next_grid_time(Some(grid[index]), Setup::NOW);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (grid, next_of) = (&grid, &next_of);
            scope.spawn(move || {
                for step in 0..grid.len() - 1 {
                    // Each thread visits them all in a different order.
                    let index = (step * (2 * thread + 1) + thread) % (grid.len() - 1);
                    assert_eq!(next_of(index), Some(grid[index + 1]));
                }
            });
        }
    });
}
