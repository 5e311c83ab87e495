//! The steps of open runs that are not known to be written.

use std::collections::HashMap;

use apscheduler_core::ledger::OpenStep;
use apscheduler_core::run::RunId;

/// What is remembered of a step until it is known to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepKey {
    run: RunId,
    /// The row waits with the same attempt number, so it will look the same when it is claimed again.
    puts_back: bool,
}

impl StepKey {
    pub(super) fn of(step: &OpenStep) -> Self {
        let attempts = step.from.zip(step.to.as_ref());
        let puts_back =
            attempts.is_some_and(|(from, to)| from.attempt == to.attempt && from.state != to.state);
        Self { run: step.run_id, puts_back }
    }
}

/// The steps of open runs that are not known to be written.
#[derive(Debug, Default)]
pub(super) struct UnwrittenSteps {
    /// How many there are of each run.
    runs: HashMap<RunId, usize>,
    put_back: usize,
}

impl UnwrittenSteps {
    pub(super) fn add(&mut self, step: &OpenStep) {
        let key = StepKey::of(step);
        *self.runs.entry(key.run).or_default() += 1;
        self.put_back += usize::from(key.puts_back);
    }

    pub(super) fn remove(&mut self, written: &[StepKey]) {
        for key in written {
            if let Some(count) = self.runs.get_mut(&key.run) {
                *count -= 1;
                if *count == 0 {
                    self.runs.remove(&key.run);
                }
            }
            self.put_back = self.put_back.saturating_sub(usize::from(key.puts_back));
        }
    }

    pub(super) fn is_putting_back(&self) -> bool {
        self.put_back > 0
    }

    pub(super) fn runs(&self) -> Vec<RunId> {
        self.runs.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::ledger::OpenRun;
    use apscheduler_core::run::OwnerId;
    use apscheduler_core::time::Timestamp;

    use super::*;

    #[test]
    fn a_run_that_is_put_back_is_told_from_one_that_is_tried_again() {
        let now = Timestamp::UNIX_EPOCH;
        let run = OpenRun::new(RunId::new(now), "a", now, OwnerId::random(), "{}");
        let again = OpenStep::change(run.mark(), run.clone().attempt(2).waiting(now));
        let back = OpenStep::change(run.mark(), run.clone().waiting(now));
        let mut steps = UnwrittenSteps::default();
        steps.add(&again);
        assert!(!steps.is_putting_back());
        steps.add(&back);
        assert!(steps.is_putting_back());
        steps.remove(&[StepKey::of(&back)]);
        assert_eq!((steps.is_putting_back(), steps.runs()), (false, vec![run.run_id]));
        steps.remove(&[StepKey::of(&again)]);
        assert!(steps.runs().is_empty());
    }
}
