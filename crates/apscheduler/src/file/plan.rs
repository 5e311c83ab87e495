//! What applying a file would do: the jobs of the file beside those of the stores. Nothing is written here.

use std::collections::BTreeSet;

use apscheduler_core::Error;
use apscheduler_core::job::{JobOrigin, JobSpec};
use apscheduler_core::time::Timestamp;
use apscheduler_engine::job::{Job, NextRunTime};
use serde_json::{Value, json};

use super::identity::{Identity, Owner, Ownership};
use super::stored::{Stored, jobs};
use super::wanted::{First, Wanted};

/// What becomes of a job when a file is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlannedAction {
    /// It is new, or takes the place of a record that can't be restored.
    Add,
    /// It gets what the file says.
    Change,
    /// It is as the file says, and keeps its next run time and whatever was changed by hand.
    Keep,
    /// It belongs to this file and is no longer in it.
    Remove,
    /// It is in the file, and its schedule has ended. It is not added, and removed if its schedule was another before.
    End,
    /// It belongs to another jobs file. Then the whole file is refused.
    Refuse,
}

impl PlannedAction {
    /// The action in one word: `add`, `change`, `keep`, `remove`, `end` or `refuse`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::End => "end",
            Self::Refuse => "refuse",
        }
    }
}

/// An option of a job that changes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlannedChange {
    /// The key in the file, as `kwargs`.
    pub key: &'static str,
    /// The stored value.
    pub before: Value,
    /// The value that the file gives.
    pub after: Value,
}

/// What becomes of one job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlannedJob {
    /// The id.
    pub id: String,
    /// The alias of its job store.
    pub jobstore: String,
    /// What becomes of it.
    pub action: PlannedAction,
    /// Why, where that needs words.
    pub reason: Option<String>,
    /// What changes.
    pub changes: Vec<PlannedChange>,
    /// When it runs next after that; `None` where it is not in the store then.
    pub next_run_time: Option<NextRunTime>,
    pub(super) step: Step,
}

/// What is written for one job. `wanted` is its index in the file.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Nothing,
    Add {
        wanted: usize,
    },
    /// In the place of a broken record. The inner `None` pauses; the outer one leaves it to the entry.
    Replace {
        wanted: usize,
        next: Option<Option<Timestamp>>,
    },
    /// Its origin alone.
    Adopt {
        wanted: usize,
    },
    /// Everything, and its trigger and next run time where `next` is given.
    Update {
        wanted: usize,
        next: Option<Option<Timestamp>>,
    },
    Remove,
}

/// What applying a file would do. See [`JobsFile::plan`](super::JobsFile::plan).
#[derive(Clone, Debug, Default)]
pub struct Plan {
    jobs: Vec<PlannedJob>,
    warnings: Vec<String>,
    refusals: Vec<String>,
}

impl Plan {
    /// The jobs of the file in its order, then those that it removes.
    pub fn jobs(&self) -> &[PlannedJob] {
        &self.jobs
    }

    /// What deserves a look: jobs that came from elsewhere, jobs that may belong to another file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Why the file can't be applied; empty where it can.
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// How many jobs have this action.
    pub fn count(&self, action: PlannedAction) -> usize {
        self.jobs.iter().filter(|job| job.action == action).count()
    }
}

/// Compares the jobs of a file with the stored ones.
pub(super) fn plan(
    identity: &Identity,
    take_over: bool,
    wanted: &[Wanted],
    stored: &Stored,
    now: Timestamp,
) -> Plan {
    let mut planner = Planner {
        ownership: Ownership::new(identity),
        take_over,
        now,
        left_behind: BTreeSet::new(),
        plan: Plan::default(),
    };
    let mut any_own = false;
    for (index, job) in wanted.iter().enumerate() {
        let found = stored.in_file.get(&job.owned_key());
        any_own |= found
            .and_then(Job::origin)
            .is_some_and(|origin| planner.ownership.owner(origin) == Owner::This);
        let outcome = planner.wanted(index, job, found);
        planner.plan.jobs.push(outcome);
    }
    planner.remove(identity, &stored.leaving, any_own);
    let Planner { mut plan, left_behind, .. } = planner;
    plan.warnings.extend(stored.warnings(identity, &left_behind));
    plan
}

struct Planner<'a> {
    ownership: Ownership<'a>,
    take_over: bool,
    now: Timestamp,
    /// Other paths whose jobs are in this file now.
    left_behind: BTreeSet<String>,
    plan: Plan,
}

impl Planner<'_> {
    fn wanted(&mut self, index: usize, job: &Wanted, stored: Option<&Job>) -> PlannedJob {
        let Some(stored) = stored else {
            return match job.first {
                First::Never => {
                    let reason = "its schedule has ended, or its only run time has passed";
                    planned(job, PlannedAction::End, Step::Nothing).because(reason)
                }
                first => planned(job, PlannedAction::Add, Step::Add { wanted: index })
                    .next(Some(self.next(first))),
            };
        };
        let origin = stored.origin();
        let owner = origin.map(|origin| self.ownership.owner(origin));
        if let (Some(origin), Some(Owner::Named(_)), false) = (origin, &owner, self.take_over) {
            let reason = format!("it belongs to the jobs file {origin}");
            self.plan.refusals.push(refusal(job, origin));
            return planned(job, PlannedAction::Refuse, Step::Nothing)
                .because(&reason)
                .next(Some(stored.next_run_time()));
        }
        if let (Some(origin), Some(Owner::OtherPath)) = (origin, &owner) {
            self.left_behind.insert(origin.file.clone());
        }
        let digest = origin.map_or("", |origin| origin.digest.as_str());
        let Some(spec) = stored.spec() else {
            return self.replace(index, job, stored, digest);
        };
        if job.digests.same(digest) {
            let same = origin == Some(&job.origin);
            let step = if same { Step::Nothing } else { Step::Adopt { wanted: index } };
            let planned =
                planned(job, PlannedAction::Keep, step).next(Some(stored.next_run_time()));
            return match (origin, owner) {
                (Some(origin), Some(owner)) if owner != Owner::This => {
                    planned.because(&format!("recognised; it came from {origin}"))
                }
                _ => planned,
            };
        }
        let reason = match (origin, owner) {
            (Some(_), Some(Owner::This)) => None,
            (Some(origin), Some(Owner::SamePath)) if origin.host.is_none() => None,
            (Some(origin), _) => Some(format!("it came from {origin}")),
            (None, _) => Some("no jobs file declared it before".to_owned()),
        };
        if let Some(reason) = &reason {
            self.plan.warnings.push(format!(
                "the job `{}` of the store `{}` is changed to what this file says, and {reason}",
                job.id, job.jobstore
            ));
        }
        let mut planned = self.update(index, job, stored, digest);
        planned.changes = differences(spec, job, job.digests.same_schedule(digest));
        match reason {
            Some(reason) => planned.because(&reason),
            None => planned,
        }
    }

    /// A stored job that the file changes.
    fn update(&self, index: usize, job: &Wanted, stored: &Job, digest: &str) -> PlannedJob {
        if job.digests.same_schedule(digest) {
            return planned(job, PlannedAction::Change, Step::Update { wanted: index, next: None })
                .next(Some(stored.next_run_time()));
        }
        if job.first == First::Never {
            return planned(job, PlannedAction::End, Step::Remove)
                .because("its new schedule has ended");
        }
        let next = self.next(job.first);
        let step = Step::Update { wanted: index, next: Some(next.instant()) };
        planned(job, PlannedAction::Change, step).next(Some(next))
    }

    /// A record that can't be changed, only replaced.
    fn replace(&mut self, index: usize, job: &Wanted, stored: &Job, digest: &str) -> PlannedJob {
        let why = stored.broken().map(Error::chain).unwrap_or_default();
        let reason = format!("it takes the place of a broken record: {why}");
        let (step, next) = if job.digests.same_schedule(digest) {
            let next = stored.next_run_time();
            (Step::Replace { wanted: index, next: Some(next.instant()) }, next)
        } else if job.first == First::Never {
            return planned(job, PlannedAction::End, Step::Remove)
                .because("its schedule has ended, and its record is broken");
        } else {
            (Step::Replace { wanted: index, next: None }, self.next(job.first))
        };
        // What it was is in the log for who needs it.
        self.plan.warnings.push(format!("the job `{}`: {reason}", job.id));
        planned(job, PlannedAction::Add, step).because(&reason).next(Some(next))
    }

    fn remove(&mut self, identity: &Identity, leaving: &[Job], any_own: bool) {
        let origins = || leaving.iter().filter_map(|job| Some((job, job.origin()?)));
        let mut elsewhere: Vec<(&Job, &JobOrigin)> = origins().collect();
        elsewhere.retain(|(_, origin)| !self.ownership.same_place(origin));
        if let (Some(name), [(_, origin), ..]) = (&identity.name, elsewhere.as_slice())
            && !any_own
            && !self.take_over
            && elsewhere.len() == leaving.len()
        {
            self.plan.refusals.push(format!(
                "name: another jobs file with the name `{name}` was applied from {} on {}, and none of its {} ({}) is \
                 in this file; give one of the two files another name, or, if this file takes the place of that one, \
                 apply it once with `--take-over`",
                origin.file,
                origin.host.as_deref().unwrap_or("an unknown host"),
                jobs(leaving.len()),
                ids(leaving),
            ));
        } else if let [(_, origin), ..] = elsewhere.as_slice() {
            self.plan.warnings.push(format!(
                "{} left the file and {} removed, though last applied from elsewhere ({} on {}): {}",
                jobs(elsewhere.len()),
                if elsewhere.len() == 1 { "is" } else { "are" },
                origin.file,
                origin.host.as_deref().unwrap_or("an unknown host"),
                ids(elsewhere.iter().map(|(job, _)| *job)),
            ));
        }
        self.plan.jobs.extend(leaving.iter().map(|job| PlannedJob {
            id: job.id().to_owned(),
            jobstore: job.jobstore().to_owned(),
            action: PlannedAction::Remove,
            reason: Some("it has left the file".to_owned()),
            changes: Vec::new(),
            next_run_time: None,
            step: Step::Remove,
        }));
    }

    fn next(&self, first: First) -> NextRunTime {
        match first {
            First::At(time) => time.into(),
            First::Now => NextRunTime::At(self.now),
            First::Never => NextRunTime::Paused,
        }
    }
}

fn planned(job: &Wanted, action: PlannedAction, step: Step) -> PlannedJob {
    PlannedJob {
        id: job.id.clone(),
        jobstore: job.jobstore.clone(),
        action,
        reason: None,
        changes: Vec::new(),
        next_run_time: None,
        step,
    }
}

impl PlannedJob {
    fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    fn next(mut self, next: Option<NextRunTime>) -> Self {
        self.next_run_time = next;
        self
    }
}

fn refusal(job: &Wanted, origin: &JobOrigin) -> String {
    let this = match &job.origin.name {
        Some(name) => format!("this file is named `{name}`"),
        None => "this file states no `name`".to_owned(),
    };
    format!(
        "{}: the job store `{}` has a job with this id that belongs to the jobs file {origin}, and {this}; give the job \
         another id, or, if this is that file, give it `name = {:?}`, or apply it once with `--take-over`",
        job.place,
        job.jobstore,
        origin.name.as_deref().unwrap_or_default(),
    )
}

/// What an update changes.
fn differences(stored: &JobSpec, job: &Wanted, same_schedule: bool) -> Vec<PlannedChange> {
    let mut changes = Vec::new();
    let mut compare = |key, before: Value, after: Value| {
        if before != after {
            changes.push(PlannedChange { key, before, after });
        }
    };
    let spec = &job.spec;
    let (args, kwargs) = (
        |spec: &JobSpec| json!(spec.arguments().args()),
        |spec: &JobSpec| json!(spec.arguments().kwargs().cloned().unwrap_or_default()),
    );
    let timeout = |spec: &JobSpec| json!(spec.timeout().map(|timeout| timeout.as_secs_f64()));
    compare("func", json!(stored.function().name()), json!(spec.function().name()));
    compare("args", args(stored), args(spec));
    compare("kwargs", kwargs(stored), kwargs(spec));
    compare("name", json!(stored.name()), json!(spec.name()));
    compare("executor", json!(stored.executor()), json!(spec.executor()));
    compare(
        "misfire_grace_time",
        json!(stored.misfire_grace_time()),
        json!(spec.misfire_grace_time()),
    );
    compare("coalesce", json!(stored.coalesce()), json!(spec.coalesce()));
    compare("max_instances", json!(stored.max_instances()), json!(spec.max_instances()));
    compare("timeout", timeout(stored), timeout(spec));
    if !same_schedule {
        compare("trigger", json!(stored.trigger().to_string()), json!(spec.trigger().to_string()));
    }
    changes
}

/// The ids, as many as a person reads.
fn ids<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> String {
    const MANY: usize = 20;
    let all: Vec<String> = jobs.into_iter().map(|job| format!("`{}`", job.id())).collect();
    match all.len() {
        count if count > MANY => format!("{} and {} more", all[..MANY].join(", "), count - MANY),
        _ => all.join(", "),
    }
}
