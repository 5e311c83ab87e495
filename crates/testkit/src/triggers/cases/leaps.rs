//! `last_fire_time` returns the same fire as a walk from fire to fire.

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use chrono::TimeDelta;

use super::super::Setup;
use super::super::case::cases;

cases! { "leaps":
    a_leap_ends_where_a_walk_ends,
    a_leap_from_between_fires_ends_where_a_walk_ends,
    a_leap_from_before_the_first_fire_ends_where_a_walk_ends,
    without_a_later_fire_a_leap_stays,
}

const MICRO: TimeDelta = TimeDelta::microseconds(1);

/// Checks the last fire from `first` to each of several instants from `grid[index]` to the next
/// grid time. With jitter, the fire may be delayed, but not past the instant.
fn check(trigger: &dyn Trigger, grid: &[Timestamp], first: Timestamp, index: usize) {
    let (last, next) = (grid[index], grid.get(index + 1).copied());
    let before_next = next.map_or(last + TimeDelta::days(1), |next| next - MICRO);
    for until in [last, last + (before_next - last) / 2, before_next] {
        let found = trigger.last_fire_time(first, until);
        let place = format!("{trigger}, last fire from {first} to {until}");
        assert!(last <= found && found <= until, "{place}: {found}, expected {last}");
        if next.is_some() {
            assert_eq!(trigger.next_grid_time(Some(found), until), next, "{place}: what follows");
        }
    }
}

/// Returns the grid indices that leaps go to; not all, to keep the number of pairs small.
fn ends(from: usize, grid: &[Timestamp]) -> impl Iterator<Item = usize> {
    let last = grid.len() - 1;
    [from, from + 1, from + 2, from.midpoint(last), last]
        .into_iter()
        .filter(move |index| *index <= last)
}

fn a_leap_ends_where_a_walk_ends(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    for start in 0..grid.len() {
        for end in ends(start + 1, &grid) {
            check(&*trigger, &grid, grid[start], end);
        }
    }
}

fn a_leap_from_between_fires_ends_where_a_walk_ends(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    for start in 0..grid.len() - 1 {
        let first = grid[start] + (grid[start + 1] - grid[start]) / 2;
        for end in ends(start + 1, &grid) {
            check(&*trigger, &grid, first, end);
        }
    }
}

fn a_leap_from_before_the_first_fire_ends_where_a_walk_ends(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    for first in [grid[0] - MICRO, grid[0] - TimeDelta::days(40)] {
        for end in ends(0, &grid) {
            check(&*trigger, &grid, first, end);
        }
    }
}

fn without_a_later_fire_a_leap_stays(setup: &Setup<'_>) {
    let (trigger, grid) = (setup.trigger(), setup.grid());
    for pair in grid.windows(2) {
        for first in [pair[0], pair[0] + (pair[1] - pair[0]) / 2] {
            let until = pair[1] - MICRO;
            assert_eq!(
                trigger.last_fire_time(first, until.max(first)),
                first,
                "{trigger} to {until}"
            );
        }
    }
    // Before the first fire there is none, wherever the leap begins.
    let (first, until) = (grid[0] - TimeDelta::days(4000), grid[0] - MICRO);
    let last = trigger.last_fire_time(first, until);
    let is_fire = trigger.next_grid_time(Some(first), first).is_some_and(|time| time <= last);
    assert!(
        last == first || (is_fire && last <= until),
        "{trigger}, from {first} to {until}: {last}"
    );
}
