//! The runs of this scheduler that can be cancelled, from their submission to their end.

use std::hash::BuildHasher as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;
use hashbrown::{DefaultHashBuilder, HashMap};

use super::instances::InstanceKey;
use super::lock::lock;

/// Locks are held only for a look-up. There are several, so that workers that begin and end runs do not contend for one.
const SHARDS: usize = 16;

/// The runs of this scheduler that can be cancelled.
#[derive(Default)]
pub(super) struct RunningRuns {
    shards: [Mutex<HashMap<RunId, Running>>; SHARDS],
    hasher: DefaultHashBuilder,
    /// How many of them were cancelled before they began. Usually none, which makes the check cheap.
    refused: AtomicUsize,
}

struct Running {
    job: InstanceKey,
    state: State,
}

enum State {
    /// It waits in the queue of its executor.
    Queued,
    /// Its function was called at this time, with this token.
    Begun(Timestamp, CancellationToken),
    /// It was cancelled before it began.
    Refused,
}

impl RunningRuns {
    fn shard(&self, run: RunId) -> &Mutex<HashMap<RunId, Running>> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let hash = self.hasher.hash_one(run) as usize;
        &self.shards[hash % SHARDS]
    }

    /// Notes a run that is about to be submitted.
    pub(super) fn submit(&self, run: RunId, job: &InstanceKey) {
        let running = || Running { job: job.clone(), state: State::Queued };
        lock(self.shard(run)).entry(run).or_insert_with(running);
    }

    /// Returns whether a run was cancelled before it began.
    pub(super) fn is_refused(&self, run: RunId) -> bool {
        self.refused.load(Ordering::SeqCst) > 0
            && lock(self.shard(run))
                .get(&run)
                .is_some_and(|running| matches!(running.state, State::Refused))
    }

    /// Notes that the function of a run is called now. Returns its token, if the run can be cancelled: a child of its executor's.
    pub(super) fn begin(
        &self,
        run: RunId,
        now: Timestamp,
        parent: Option<&CancellationToken>,
    ) -> Option<CancellationToken> {
        let token = parent.map_or_else(CancellationToken::new, CancellationToken::child);
        let mut shard = lock(self.shard(run));
        let running = shard.get_mut(&run)?;
        let before = std::mem::replace(&mut running.state, State::Begun(now, token.clone()));
        drop(shard);
        if matches!(before, State::Refused) {
            // It was cancelled at the last moment.
            self.refused.fetch_sub(1, Ordering::SeqCst);
            token.cancel_on_request();
        }
        Some(token)
    }

    /// Returns when the function of a run was called, if it runs here.
    pub(super) fn begun(&self, run: RunId) -> Option<Timestamp> {
        match lock(self.shard(run)).get(&run)?.state {
            State::Begun(since, _) => Some(since),
            State::Queued | State::Refused => None,
        }
    }

    /// Forgets a run that has ended.
    pub(super) fn end(&self, run: RunId) {
        let ended = lock(self.shard(run)).remove(&run);
        if ended.is_some_and(|running| matches!(running.state, State::Refused)) {
            self.refused.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Cancels a run. Returns whether it is one of these.
    pub(super) fn cancel(&self, run: RunId) -> bool {
        let mut shard = lock(self.shard(run));
        let Some(running) = shard.get_mut(&run) else { return false };
        let token = self.refuse(running);
        drop(shard);
        // Wakers are foreign code.
        token.as_ref().map(CancellationToken::cancel_on_request);
        true
    }

    /// Cancels the runs of a job.
    pub(super) fn cancel_job(&self, job: &InstanceKey) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let of_job = shard.values_mut().filter(|running| running.job == *job);
            let tokens: Vec<_> = of_job.filter_map(|running| self.refuse(running)).collect();
            drop(shard);
            tokens.iter().for_each(CancellationToken::cancel_on_request);
        }
    }

    /// Returns the token of a run that has begun. Any other must not begin.
    fn refuse(&self, running: &mut Running) -> Option<CancellationToken> {
        match &running.state {
            State::Begun(_, token) => return Some(token.clone()),
            State::Queued => {
                running.state = State::Refused;
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
            State::Refused => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn job(store: u32) -> InstanceKey {
        InstanceKey { store, job_id: "a".into() }
    }

    fn runs(count: usize) -> (RunningRuns, Vec<RunId>) {
        let (running, first) = (RunningRuns::default(), RunId::reserve(NOW, count));
        let runs: Vec<RunId> = (0..count).map(|index| first.nth(index)).collect();
        for run in &runs {
            running.submit(*run, &job(0));
        }
        (running, runs)
    }

    #[test]
    fn a_run_that_has_begun_is_told_and_one_that_waits_is_refused() {
        let (running, runs) = runs(2);
        let parent = CancellationToken::new();
        let token = running.begin(runs[0], NOW, Some(&parent)).unwrap();
        assert_eq!((running.begun(runs[0]), running.begun(runs[1])), (Some(NOW), None));
        assert!(running.cancel(runs[0]) && running.cancel(runs[1]));
        assert!(token.is_requested() && !parent.is_cancelled());
        assert!(!running.is_refused(runs[0]) && running.is_refused(runs[1]));
        for run in &runs {
            running.end(*run);
        }
        assert!(!running.cancel(runs[0]) && !running.is_refused(runs[1]));
        assert_eq!(running.refused.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_run_that_is_cancelled_as_it_begins_is_told() {
        let (running, runs) = runs(1);
        running.cancel(runs[0]);
        assert!(running.begin(runs[0], NOW, None).unwrap().is_requested());
        assert_eq!(running.refused.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn the_runs_of_one_job_are_cancelled() {
        let (running, runs) = runs(40);
        let tokens: Vec<_> =
            runs.iter().map(|run| running.begin(*run, NOW, None).unwrap()).collect();
        running.cancel_job(&job(1));
        assert!(tokens.iter().all(|token| !token.is_cancelled()));
        running.cancel_job(&job(0));
        assert!(tokens.iter().all(CancellationToken::is_requested));
    }

    #[test]
    fn other_runs_have_no_token() {
        let (running, _) = runs(1);
        assert!(running.begin(RunId::new(NOW), NOW, None).is_none());
    }
}
