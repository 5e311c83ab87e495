//! Simulates a whole cluster in one thread, with all that may go wrong, and judges what happened. It depends on a seed alone.
//!
//! Up to four processes run the real engine on one simulated store. They meet the contracts of `JobStore`, `RunLedger`,
//! `Executor`, `Clock` and `EventLoop`, as any program does; behind these, everything is simulated: time, the store with its
//! connections, the runs of jobs, the processes and their deaths. Nothing sleeps, and nothing reads the time of the machine.
//!
//! - A **scenario** follows from the seed: nodes, jobs, and faults. A call of the store fails, its answer is lost, it takes
//!   longer than a lease; a process is killed before or after the effect of any call of its store or executor; it is stopped,
//!   or its machine sleeps; it is shut down; clocks are set; the store is away.
//! - In half of the scenarios some jobs have **policies**: `retry`, `on_crash`, `overlap`, `overlap_scope`, `coalesce`,
//!   `catchup_limit`, `on_resume`. Their runs may last longer than the interval, and many fail. Users ask for runs, cancel
//!   some, rename, pause and resume such jobs. The other jobs are the same in both halves.
//! - **Time** passes within calls of the store. Then everything happens that is planned for other processes, so they meet
//!   between the read and the write of a claim, or between an effect and its answer.
//! - A process that was **killed** has no effect from then on, whatever its code still does.
//! - When all faults have ended, the world goes on until nothing is left to do. That must not take for ever.
//! - The **oracle** keeps its own record of what was called and committed, computes the planned run times by itself, and
//!   checks its rules with each commit and at the end.
//!
//! If a rule is broken, faults and jobs are left out as long as the same rule is still broken. A [`Failure`] shows what is
//! left, and what happens. `cargo xtask simulate --seed S` shows it again.
//!
//! A [`Mutation`] is a deliberate defect. The tests check that each is found.
//!
//! # Examples
//! ```
//! use apscheduler_testkit::simulation::{self, Mutation};
//!
//! let tally = simulation::simulate(7, None)?;
//! assert!(tally.runs > 0);
//!
//! let failure = simulation::simulate_all(0..2000, Some(Mutation::JournalAfterClaim)).unwrap_err();
//! println!("{failure}");
//! # Ok::<(), Box<simulation::Failure>>(())
//! ```
//!
//! # Deliberate defects
//! The first ten mutations are one line each of the simulated store. The others are defects of the engine. It has no hooks
//! for them: the simulated ledger changes what the engine reads or writes to what an engine with the defect would have read
//! or written. The seed that finds each first:
//!
//! | mutation | seed |
//! |---|---|
//! | `claim-ignores-revision` | 5 |
//! | `journal-after-claim` | 1 |
//! | `doubt-is-dropped` | 194 |
//! | `doubt-is-won` | 20 |
//! | `append-ignores-death` | 9 |
//! | `last-outcome-counts` | 4 |
//! | `append-is-not-atomic` | 25 |
//! | `condemn-ignores-heartbeat` | 47 |
//! | `steps-ignore-marks` | 553 |
//! | `open-claim-hands-out-twice` | 3 |
//! | `death-goes-unnoticed` | 7 |
//! | `crashes-are-not-counted` | 15 |
//! | `failures-are-not-counted` | 15 |
//! | `cluster-is-not-counted` | 3 |
//! | `open-runs-of-the-dead-are-overlooked` | 3 |
//! | `skip-is-not-atomic` | 46 |
//!
//! # What is not simulated
//! - Threads: the store does no I/O, so passes, records and signs of life are made in turns. In scenarios with policies its
//!   calls are fast, because a pass over runs that find their job full would leave no turn for the signs of life.
//! - A process whose machine slept, and whose time of day was set as well, may not know how much time has passed. It is not
//!   held against it if it begins a run that was given up.

mod calls;
mod clock;
mod database;
mod distortion;
mod events;
mod executor;
mod faults;
mod job_plan;
mod ledger;
mod mutation;
mod open_rows;
mod oracle;
mod policies;
mod process;
mod random;
mod requests;
mod rules;
mod runs;
mod scenario;
mod simulate;
mod state;
mod store;
mod submitted;
mod tally;
mod time;
mod wake;
mod wishes;
mod world;

pub use mutation::Mutation;
pub use simulate::{Failure, simulate, simulate_all, trace};
pub use tally::Tally;
