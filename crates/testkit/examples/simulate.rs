//! Simulates clusters; `cargo xtask simulate` calls it.
//!
//! `simulate FROM COUNT [MUTATION]` simulates this many seeds. `simulate SEED [MUTATION]` shows what happens in one.

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;
use std::time::Instant;

use apscheduler_testkit::simulation::{self, Failure, Mutation};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = words.iter().map_while(|word| word.parse().ok()).collect();
    let mutation = words.get(numbers.len()).map(|name| {
        Mutation::from_name(name).unwrap_or_else(|| {
            let names = Mutation::ALL.map(Mutation::name).join(", ");
            panic!("there is no mutation `{name}`, but {names}")
        })
    });
    let result = match numbers[..] {
        [seed] => replay(seed, mutation),
        [from, count] => search(from, count, mutation),
        _ => panic!("give a seed, or the first seed and their number"),
    };
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let mutation = mutation.map(|name| format!(" --mutation {name}")).unwrap_or_default();
    println!("{failure}\n\nagain: cargo xtask simulate --seed {}{mutation}", failure.seed());
    ExitCode::FAILURE
}

fn replay(seed: u64, mutation: Option<Mutation>) -> Result<(), Box<Failure>> {
    simulation::simulate(seed, mutation)?;
    println!("{}", simulation::trace(seed, mutation));
    Ok(())
}

fn search(from: u64, count: u64, mutation: Option<Mutation>) -> Result<(), Box<Failure>> {
    let begin = Instant::now();
    let tally = simulation::simulate_all(from..from.saturating_add(count), mutation)?;
    println!("{tally}; in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}
