//! Open runs: those that have a row of their own until they have ended.
//!
//! Most runs need none: the journal entry of their batch says that they are open. A row is for a run that may be tried
//! again, that is run again if its scheduler dies, that counts for all schedulers which share the store, or that no claim of
//! its job began. Whatever changes a row names the state that the row leaves, so of several who try, one succeeds.

use std::sync::Arc;

use crate::run::{OwnerId, RunId};
use crate::time::Timestamp;

/// The state of an open run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenState {
    /// Its owner runs it, or is about to.
    Claimed,
    /// It waits until it is due. Any scheduler that shares the store may claim it then.
    Waiting,
}

impl OpenState {
    /// Returns the name of the state, such as `waiting`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Waiting => "waiting",
        }
    }

    /// Returns the state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Claimed, Self::Waiting].into_iter().find(|state| state.name() == name)
    }
}

/// A run that has a row of its own until it has ended. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenRun {
    /// The identifier of the run, which is the key of the row.
    pub run_id: RunId,
    /// The attempt number, from 1; of a run that waits, the one that follows.
    pub attempt: u32,
    /// The id of the job.
    pub job_id: Arc<str>,
    /// The scheduled start.
    pub scheduled_run_time: Timestamp,
    /// The state.
    pub state: OpenState,
    /// The scheduler that claimed it, or that made it wait.
    pub owner: OwnerId,
    /// When a run that waits is due. `None` if something else has to happen first, and for a run that is claimed.
    pub due: Option<Timestamp>,
    /// Whether somebody asks its owner to cancel it.
    pub cancel: bool,
    /// What the scheduler needs to run it: JSON text that the store does not look into.
    pub data: Arc<str>,
}

/// What a step expects of the row of an open run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenMark {
    /// The attempt number.
    pub attempt: u32,
    /// The state.
    pub state: OpenState,
    /// The owner.
    pub owner: OwnerId,
}

/// A compare-and-set of the row of an open run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenStep {
    /// The identifier of the run.
    pub run_id: RunId,
    /// What the row must be; `None` if there must be none. Otherwise nothing is done.
    pub from: Option<OpenMark>,
    /// What the row becomes; `None` if it is removed.
    pub to: Option<OpenRun>,
}

/// Which open runs to read. They are returned in the order of their identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenQuery {
    /// Only runs of this job.
    pub job_id: Option<Arc<str>>,
    /// Only this run.
    pub run_id: Option<RunId>,
    /// Only runs of this owner.
    pub owner: Option<OwnerId>,
    /// Only runs in this state.
    pub state: Option<OpenState>,
    /// Only runs after this one, which was the last of the page before.
    pub after: Option<RunId>,
    /// The most runs to return. Default: 1000.
    pub limit: usize,
}

impl OpenRun {
    /// The first attempt of a run that this owner claimed.
    pub fn new(
        run_id: RunId,
        job_id: impl Into<Arc<str>>,
        scheduled_run_time: Timestamp,
        owner: OwnerId,
        data: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            run_id,
            attempt: 1,
            job_id: job_id.into(),
            scheduled_run_time,
            state: OpenState::Claimed,
            owner,
            due: None,
            cancel: false,
            data: data.into(),
        }
    }

    /// Sets the attempt number, from 1.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Makes it wait until it is due; `None` if something else has to happen first.
    #[must_use]
    pub fn waiting(mut self, due: impl Into<Option<Timestamp>>) -> Self {
        (self.state, self.due) = (OpenState::Waiting, due.into());
        self
    }

    /// Makes it claimed by this owner.
    #[must_use]
    pub fn claimed_by(mut self, owner: OwnerId) -> Self {
        (self.state, self.owner, self.due) = (OpenState::Claimed, owner, None);
        self
    }

    /// Sets whether somebody asks its owner to cancel it.
    #[must_use]
    pub fn cancel(mut self, cancel: bool) -> Self {
        self.cancel = cancel;
        self
    }

    /// Returns what a step from this row expects.
    pub fn mark(&self) -> OpenMark {
        OpenMark { attempt: self.attempt, state: self.state, owner: self.owner }
    }
}

impl OpenMark {
    /// An attempt that this owner has claimed.
    pub fn claimed(attempt: u32, owner: OwnerId) -> Self {
        Self { attempt, state: OpenState::Claimed, owner }
    }
}

impl OpenStep {
    /// Adds a row, if the run has none.
    pub fn add(run: OpenRun) -> Self {
        Self { run_id: run.run_id, from: None, to: Some(run) }
    }

    /// Changes a row to this one, if it still has this mark.
    pub fn change(from: OpenMark, to: OpenRun) -> Self {
        Self { run_id: to.run_id, from: Some(from), to: Some(to) }
    }

    /// Removes a row, if it still has this mark.
    pub fn end(run_id: RunId, from: OpenMark) -> Self {
        Self { run_id, from: Some(from), to: None }
    }
}

impl Default for OpenQuery {
    fn default() -> Self {
        Self { job_id: None, run_id: None, owner: None, state: None, after: None, limit: 1000 }
    }
}

impl OpenQuery {
    /// All open runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only runs of this job.
    #[must_use]
    pub fn job(mut self, id: impl Into<Arc<str>>) -> Self {
        self.job_id = Some(id.into());
        self
    }

    /// Only this run.
    #[must_use]
    pub fn run(mut self, id: RunId) -> Self {
        self.run_id = Some(id);
        self
    }

    /// Only runs of this owner.
    #[must_use]
    pub fn owner(mut self, owner: OwnerId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Only runs in this state.
    #[must_use]
    pub fn state(mut self, state: OpenState) -> Self {
        self.state = Some(state);
        self
    }

    /// Only runs after this one.
    #[must_use]
    pub fn after(mut self, run: impl Into<Option<RunId>>) -> Self {
        self.after = run.into();
        self
    }

    /// Sets the most runs to return.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Returns whether a run matches.
    pub fn matches(&self, run: &OpenRun) -> bool {
        self.job_id.as_deref().is_none_or(|wanted| wanted == &*run.job_id)
            && self.run_id.is_none_or(|wanted| wanted == run.run_id)
            && self.owner.is_none_or(|wanted| wanted == run.owner)
            && self.state.is_none_or(|wanted| wanted == run.state)
            && self.after.is_none_or(|after| run.run_id > after)
    }
}
