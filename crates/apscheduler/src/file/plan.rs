//! Compares the jobs of a file with the stored ones and plans the changes. Writes nothing.

use std::collections::BTreeSet;

use apscheduler_core::Error;
use apscheduler_core::job::{JobOrigin, JobSpec, PolicyOptions};
use apscheduler_core::time::Timestamp;
use apscheduler_engine::job::{Job, NextRunTime};
use serde_json::{Value, json};

use super::identity::{Identity, Owner, Ownership};
use super::stored::{Stored, count_of_jobs};
use super::wanted::{FirstRun, Wanted};

/// What applying a file does to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlannedAction {
    /// The job is new, or replaces a record that can't be restored.
    Add,
    /// The stored job is changed to match the file.
    Change,
    /// The entry has not changed. The job keeps its next run time and any changes made with `modify_job`.
    Keep,
    /// The job belongs to this file and is no longer in it.
    Remove,
    /// The schedule has ended. The job is not added; it is removed if its schedule was different before.
    End,
    /// The job belongs to another jobs file, so the whole file is refused.
    Refuse,
}

impl PlannedAction {
    /// The name of the action: `add`, `change`, `keep`, `remove`, `end` or `refuse`.
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

/// A changed option of a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlannedChange {
    /// The key in the file, such as `kwargs`.
    pub key: &'static str,
    /// The stored value.
    pub before: Value,
    /// The value in the file.
    pub after: Value,
}

/// The planned action for one job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlannedJob {
    /// The id.
    pub id: String,
    /// The alias of its job store.
    pub jobstore: String,
    /// The action.
    pub action: PlannedAction,
    /// The reason, if the action needs an explanation.
    pub reason: Option<String>,
    /// The changed options.
    pub changes: Vec<PlannedChange>,
    /// The next run time after the action; `None` if the job is not in the store then.
    pub next_run_time: Option<NextRunTime>,
    pub(super) step: Step,
}

/// The write operation for one job. `wanted` is its index in the file.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Nothing,
    Add {
        wanted: usize,
    },
    /// Replaces a broken record. `next` is the next run time: `Some(None)` pauses the job, `None` takes that of the entry.
    Replace {
        wanted: usize,
        next: Option<Option<Timestamp>>,
    },
    /// Changes only the origin.
    Adopt {
        wanted: usize,
    },
    /// Changes all options, and also the trigger and the next run time if `next` is given.
    Update {
        wanted: usize,
        next: Option<Option<Timestamp>>,
    },
    Remove,
}

/// The changes that applying a file would make. See [`JobsFile::plan`](super::JobsFile::plan).
#[derive(Clone, Debug, Default)]
pub struct Plan {
    jobs: Vec<PlannedJob>,
    warnings: Vec<String>,
    refusals: Vec<String>,
}

impl Plan {
    /// The jobs in the order of the file, then the removed ones.
    pub fn jobs(&self) -> &[PlannedJob] {
        &self.jobs
    }

    /// Warnings, for example about jobs that may belong to another file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The reasons why the file can't be applied. Empty if it can.
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// The number of jobs with this action.
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
        merged_paths: BTreeSet::new(),
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
    planner.remove(identity, &stored.removed, any_own);
    let Planner { mut plan, merged_paths, .. } = planner;
    plan.warnings.extend(stored.warnings(identity, &merged_paths));
    plan
}

struct Planner<'a> {
    ownership: Ownership<'a>,
    take_over: bool,
    now: Timestamp,
    /// Paths of other files whose jobs are in this file now.
    merged_paths: BTreeSet<String>,
    plan: Plan,
}

impl Planner<'_> {
    fn wanted(&mut self, index: usize, job: &Wanted, stored: Option<&Job>) -> PlannedJob {
        let Some(stored) = stored else {
            return match job.first {
                FirstRun::Never => {
                    let reason = "the schedule has ended";
                    planned(job, PlannedAction::End, Step::Nothing).because(reason)
                }
                first => planned(job, PlannedAction::Add, Step::Add { wanted: index })
                    .next(Some(self.next(first))),
            };
        };
        let origin = stored.origin();
        let owner = origin.map(|origin| self.ownership.owner(origin));
        if let (Some(origin), Some(Owner::Named(_)), false) = (origin, &owner, self.take_over) {
            let reason = format!("belongs to the jobs file {origin}");
            self.plan.refusals.push(refusal(job, origin));
            return planned(job, PlannedAction::Refuse, Step::Nothing)
                .because(&reason)
                .next(Some(stored.next_run_time()));
        }
        if let (Some(origin), Some(Owner::OtherPath)) = (origin, &owner) {
            self.merged_paths.insert(origin.file.clone());
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
                    planned.because(&format!("previously from {origin}"))
                }
                _ => planned,
            };
        }
        let reason = match (origin, owner) {
            (Some(_), Some(Owner::This)) => None,
            (Some(origin), Some(Owner::SamePath)) if origin.host.is_none() => None,
            (Some(origin), _) => Some(format!("previously from {origin}")),
            (None, _) => Some("not from a jobs file before".to_owned()),
        };
        if let Some(reason) = &reason {
            self.plan.warnings.push(format!(
                "the job `{}` in the job store `{}` will be changed to match this file: {reason}",
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

    /// Plans the change of a stored job.
    fn update(&self, index: usize, job: &Wanted, stored: &Job, digest: &str) -> PlannedJob {
        if job.digests.same_schedule(digest) {
            return planned(job, PlannedAction::Change, Step::Update { wanted: index, next: None })
                .next(Some(stored.next_run_time()));
        }
        if job.first == FirstRun::Never {
            return planned(job, PlannedAction::End, Step::Remove)
                .because("the new schedule has ended");
        }
        let next = self.next(job.first);
        let step = Step::Update { wanted: index, next: Some(next.instant()) };
        planned(job, PlannedAction::Change, step).next(Some(next))
    }

    /// Plans the replacement of a record that can't be restored, and so can't be changed.
    fn replace(&mut self, index: usize, job: &Wanted, stored: &Job, digest: &str) -> PlannedJob {
        let chain = stored.broken().map(Error::chain).unwrap_or_default();
        let why = chain.strip_prefix(&format!("job `{}`: ", job.id)).unwrap_or(&chain);
        let reason = format!("replaces a broken record: {why}");
        let (step, next) = if job.digests.same_schedule(digest) {
            let next = stored.next_run_time();
            (Step::Replace { wanted: index, next: Some(next.instant()) }, next)
        } else if job.first == FirstRun::Never {
            return planned(job, PlannedAction::End, Step::Remove)
                .because("the schedule has ended, and the record is broken");
        } else {
            (Step::Replace { wanted: index, next: None }, self.next(job.first))
        };
        // The warning keeps the reason in the log.
        self.plan.warnings.push(format!("the job `{}` {reason}", job.id));
        planned(job, PlannedAction::Add, step).because(&reason).next(Some(next))
    }

    fn remove(&mut self, identity: &Identity, removed: &[Job], any_own: bool) {
        let origins = || removed.iter().filter_map(|job| Some((job, job.origin()?)));
        let mut elsewhere: Vec<(&Job, &JobOrigin)> = origins().collect();
        elsewhere.retain(|(_, origin)| !self.ownership.same_place(origin));
        if let (Some(name), [(_, origin), ..]) = (&identity.name, elsewhere.as_slice())
            && !any_own
            && !self.take_over
            && elsewhere.len() == removed.len()
        {
            self.plan.refusals.push(format!(
                "name: another jobs file with the name `{name}` was applied from {} on {}, and none of its {} ({}) is \
                 in this file; give one of the files another name, or, if this file replaces the other, apply it once \
                 with `--take-over`",
                origin.file,
                origin.host.as_deref().unwrap_or("an unknown host"),
                count_of_jobs(removed.len()),
                ids(removed),
            ));
        } else if let [(_, origin), ..] = elsewhere.as_slice() {
            self.plan.warnings.push(format!(
                "{} no longer in the file will be removed, last applied from {} on {}: {}",
                count_of_jobs(elsewhere.len()),
                origin.file,
                origin.host.as_deref().unwrap_or("an unknown host"),
                ids(elsewhere.iter().map(|(job, _)| *job)),
            ));
        }
        self.plan.jobs.extend(removed.iter().map(|job| PlannedJob {
            id: job.id().to_owned(),
            jobstore: job.jobstore().to_owned(),
            action: PlannedAction::Remove,
            reason: Some("no longer in the file".to_owned()),
            changes: Vec::new(),
            next_run_time: None,
            step: Step::Remove,
        }));
    }

    fn next(&self, first: FirstRun) -> NextRunTime {
        match first {
            FirstRun::At(time) => time.into(),
            FirstRun::Now => NextRunTime::At(self.now),
            FirstRun::Never => NextRunTime::Paused,
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
        Some(name) => format!("this file has the name `{name}`"),
        None => "this file has no `name`".to_owned(),
    };
    format!(
        "{}: a job with this id in the job store `{}` belongs to the jobs file {origin}, but {this}; give the job \
         another id, or, if this is the same file, set `name = {:?}` or apply it once with `--take-over`",
        job.place,
        job.jobstore,
        origin.name.as_deref().unwrap_or_default(),
    )
}

/// The differences between a stored job and the file.
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
        json!(stored.misfire_grace_time().map(|time| time.as_secs())),
        json!(spec.misfire_grace_time().map(|time| time.as_secs())),
    );
    compare("coalesce", json!(stored.coalesce()), json!(spec.coalesce()));
    compare("max_instances", json!(stored.max_instances()), json!(spec.max_instances()));
    compare("timeout", timeout(stored), timeout(spec));
    let policies = |spec: &JobSpec| serde_json::to_value(spec.policies()).unwrap_or_default();
    let (before, after) = (policies(stored), policies(spec));
    for name in PolicyOptions::NAMES {
        let value = |policies: &Value| policies.get(name).cloned().unwrap_or_default();
        compare(name, value(&before), value(&after));
    }
    if !same_schedule {
        compare("trigger", json!(stored.trigger().to_string()), json!(spec.trigger().to_string()));
    }
    changes
}

/// A list of ids for messages, truncated if it is long.
fn ids<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> String {
    const MAX_LISTED: usize = 20;
    let all: Vec<String> = jobs.into_iter().map(|job| format!("`{}`", job.id())).collect();
    match all.len() {
        count if count > MAX_LISTED => {
            format!("{} and {} more", all[..MAX_LISTED].join(", "), count - MAX_LISTED)
        }
        _ => all.join(", "),
    }
}
