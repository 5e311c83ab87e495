//! Steps of open runs, grouped for ledgers that carry out many with one statement.

use std::collections::HashMap;

use apscheduler_core::ledger::{OpenMark, OpenRun, OpenStep};
use apscheduler_core::run::RunId;

/// Steps that may be carried out in any order: each belongs to another run.
///
/// # Examples
/// ```
/// use apscheduler_core::ledger::{OpenRun, OpenStep};
/// use apscheduler_core::run::{OwnerId, RunId};
/// use apscheduler_core::time::from_micros;
/// use apscheduler_plugin_kit::store::OpenSteps;
///
/// let owner = OwnerId::random();
/// let first = OpenRun::new(RunId::new(from_micros(0)), "a", from_micros(0), owner, "{}");
/// let second = first.clone().attempt(2);
/// let steps = [OpenStep::change(first.mark(), second.clone()), OpenStep::end(second.run_id, second.mark())];
/// let rounds = OpenSteps::rounds(&steps);
/// assert_eq!((rounds.len(), rounds[0].changed.len(), rounds[1].ended.len()), (2, 1, 1));
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct OpenSteps<'a> {
    /// Rows to add, unless the run has one.
    pub added: Vec<&'a OpenRun>,
    /// What rows become that have this mark.
    pub changed: Vec<(OpenMark, &'a OpenRun)>,
    /// Rows to remove that have this mark.
    pub ended: Vec<(RunId, OpenMark)>,
}

impl<'a> OpenSteps<'a> {
    /// Splits steps into rounds to carry out one after the other. Usually there is one. Several steps of a run keep their
    /// order, in a round each.
    pub fn rounds(steps: &'a [OpenStep]) -> Vec<Self> {
        let mut rounds: Vec<Self> = Vec::new();
        let mut next: HashMap<RunId, usize> = HashMap::with_capacity(steps.len());
        for step in steps {
            let round = next.entry(step.run_id).or_default();
            if *round == rounds.len() {
                rounds.push(Self::default());
            }
            rounds[*round].push(step);
            *round += 1;
        }
        rounds
    }

    fn push(&mut self, step: &'a OpenStep) {
        match (step.from, &step.to) {
            (None, Some(run)) => self.added.push(run),
            (Some(from), Some(run)) => self.changed.push((from, run)),
            (Some(from), None) => self.ended.push((step.run_id, from)),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::OwnerId;
    use apscheduler_core::time::from_micros;

    use super::*;

    fn run(number: u128) -> OpenRun {
        let (id, owner) = (RunId::from_u128(number), OwnerId::from_u128(7));
        OpenRun::new(id, "a", from_micros(0), owner, "{}")
    }

    fn counts(steps: &[OpenStep]) -> Vec<(usize, usize, usize)> {
        let rounds = OpenSteps::rounds(steps);
        rounds
            .iter()
            .map(|round| (round.added.len(), round.changed.len(), round.ended.len()))
            .collect()
    }

    #[test]
    fn steps_of_different_runs_are_one_round() {
        assert!(counts(&[]).is_empty());
        let [one, two, three] = [1, 2, 3].map(run);
        let steps = [
            OpenStep::end(one.run_id, one.mark()),
            OpenStep::add(two),
            OpenStep::change(three.mark(), three.clone().waiting(None)),
        ];
        assert_eq!(counts(&steps), [(1, 1, 1)]);
    }

    #[test]
    fn steps_of_one_run_keep_their_order() {
        let [one, two] = [1, 2].map(run);
        let waiting = one.clone().waiting(None);
        let steps = [
            OpenStep::add(one.clone()),
            OpenStep::add(two),
            OpenStep::change(one.mark(), waiting.clone()),
            OpenStep::change(waiting.mark(), one.clone()),
            OpenStep::end(one.run_id, one.mark()),
        ];
        assert_eq!(counts(&steps), [(2, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1)]);
    }
}
