//! A simulated cluster keeps its promises, and the simulation finds deliberate defects.

#![allow(clippy::unwrap_used, reason = "tests")]

use apscheduler_testkit::simulation::{self, Mutation};

/// The seeds that are simulated with each test run. More by hand: `cargo xtask simulate --seeds 100000`.
const SEEDS: u64 = 2000;

#[test]
fn no_seed_breaks_a_rule() {
    match simulation::simulate_all(0..SEEDS, None) {
        Ok(tally) => {
            println!("{tally}");
            assert_eq!(tally.seeds, SEEDS);
            let happened = [tally.killed, tally.unanswered, tally.dead, tally.lost, tally.refused];
            assert!(happened.iter().all(|count| *count > 100), "{tally}");
            let policies = [tally.further, tally.asked, tally.cancelled, tally.skipped];
            assert!(policies.iter().all(|count| *count > 100), "{tally}");
        }
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn each_mutation_is_found() {
    for mutation in Mutation::ALL {
        let failure = simulation::simulate_all(0..SEEDS, Some(mutation));
        let failure =
            failure.map(|tally| format!("`{mutation}` was not found in {tally}")).unwrap_err();
        println!("{mutation} is found by the seed {}", failure.seed());
    }
}

#[test]
fn a_seed_is_simulated_in_the_same_way_each_time() {
    for seed in 0..20 {
        assert_eq!(simulation::trace(seed, None), simulation::trace(seed, None));
    }
}

#[test]
fn a_failure_shows_what_is_needed_for_it() {
    let mutation = Some(Mutation::JournalAfterClaim);
    let failure = simulation::simulate_all(0..SEEDS, mutation).unwrap_err();
    let text = failure.to_string();
    // Nothing but the death of the process between the two transactions.
    let faults = text.lines().skip_while(|line| *line != "faults:").skip(1);
    let faults: Vec<&str> = faults.take_while(|line| line.contains("  n")).collect();
    assert_eq!(faults.len(), 1, "{text}");
    assert!(faults[0].contains("`claim_due, which writes` kills the process"), "{text}");
    assert!(text.contains("has 0 outcomes"), "{text}");
    let again = simulation::simulate(failure.seed(), mutation).unwrap_err();
    assert_eq!(again.to_string(), text);
}
