//! Builds the jobs of a file from its entries.

use std::sync::Arc;

use apscheduler_core::job::{JobBuilder, JobChanges, JobOrigin, JobSpec};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerContext};
use apscheduler_core::{Error, ErrorKind, Result, suggestion};
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::NextRunTime;
use apscheduler_engine::schedulers::BackgroundScheduler;

use super::digest::Digests;
use super::entry::FileJob;
use super::identity::Identity;
use crate::builtin::BuiltIn;

/// The alias of a job store and the id of a job.
pub(super) type Key = (String, String);

/// A job as the file defines it.
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) jobstore: String,
    /// The place in the file, for errors.
    pub(super) place: String,
    builder: JobBuilder,
    /// The definition that `builder` results in.
    pub(super) spec: Arc<JobSpec>,
    pub(super) origin: JobOrigin,
    pub(super) digests: Digests,
    pub(super) first: FirstRun,
}

/// The first run of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FirstRun {
    /// At a time from the file or the trigger; `None` for a paused job.
    At(Option<Timestamp>),
    /// When it is added, since it has no trigger.
    Now,
    /// Never, since its schedule has ended.
    Never,
}

/// Builds the jobs of a file. Returns the jobs, and an error for each job that can't be built.
pub(super) fn build(
    jobs: &[FileJob],
    identity: &Identity,
    scheduler: &Scheduler,
) -> (Vec<Wanted>, Vec<Error>) {
    let context =
        TriggerContext::new(scheduler.registry(), scheduler.timezone(), &**scheduler.clock());
    // A scheduler that is never started builds jobs without storing them.
    let bench = BackgroundScheduler::<BuiltIn>::builder()
        .registry(scheduler.registry().clone())
        .clock(Arc::clone(scheduler.clock()))
        .timezone(context.timezone)
        .job_defaults(scheduler.job_defaults())
        .build();
    let bench = match bench {
        Ok(bench) => bench,
        Err(error) => return (Vec::new(), vec![error]),
    };
    let (mut wanted, mut errors) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in jobs {
        match job.want(scheduler, &bench, &context, identity) {
            Ok(job) => wanted.push(job),
            Err(error) => errors.push(error),
        }
    }
    (wanted, errors)
}

impl FileJob {
    fn want(
        &self,
        scheduler: &Scheduler,
        bench: &Scheduler,
        context: &TriggerContext<'_>,
        identity: &Identity,
    ) -> Result<Wanted> {
        let trigger = self.trigger(context)?;
        let builder = self.builder(trigger.clone(), context)?;
        let job = bench.add_job(builder.clone()).map_err(|error| self.locate(error))?;
        bench.remove_job((job.jobstore(), job.id()))?;
        let Some(spec) = job.spec().cloned() else {
            return Err(Error::new(
                ErrorKind::Other,
                format!("{}: the job was not built", self.place()),
            ));
        };
        let stores = scheduler.jobstore_aliases();
        self.check_alias("jobstore", "job stores", job.jobstore(), &stores)?;
        let executors = scheduler.executor_aliases();
        self.check_alias("executor", "executors", spec.executor(), &executors)?;
        let digests = Digests::of(&spec, self.table(), context.timezone);
        let origin = identity.origin(digests.current.clone());
        let first = match (job.next_run_time(), trigger) {
            (NextRunTime::Paused | NextRunTime::AfterOthers, _) => FirstRun::At(None),
            (NextRunTime::At(time), _) if time >= context.now => FirstRun::At(Some(time)),
            (_, Some(trigger)) => match first_fire(&*trigger, context.now) {
                Some(time) => FirstRun::At(Some(time)),
                // Its runs come when those of others end.
                None if !trigger.follows().is_empty() => FirstRun::At(None),
                None => FirstRun::Never,
            },
            (NextRunTime::At(_), None) => FirstRun::Never,
            (NextRunTime::Pending, None) => FirstRun::Now,
        };
        let builder = builder.origin(origin.clone());
        Ok(Wanted {
            id: self.id().to_owned(),
            jobstore: self.jobstore().to_owned(),
            place: self.place().to_owned(),
            builder,
            spec,
            origin,
            digests,
            first,
        })
    }

    /// Checks that an alias exists. `default` always does: a scheduler adds it at its start.
    fn check_alias(&self, key: &str, what: &str, alias: &str, known: &[String]) -> Result<()> {
        if alias == "default" || known.iter().any(|known| known == alias) {
            return Ok(());
        }
        let known = known.iter().map(String::as_str).chain(["default"]);
        let hint = suggestion::hint(alias, &format!("{what} of this file"), known);
        let message = format!("{}: {key}: unknown alias `{alias}`{hint}", self.place());
        Err(Error::new(ErrorKind::UnknownAlias, message))
    }
}

/// The first fire time that has not passed. A file may be applied at any time and repeatedly, so earlier fire times may
/// have run already, and a store does not remember finished jobs.
pub(super) fn first_fire(trigger: &dyn Trigger, now: Timestamp) -> Option<Timestamp> {
    let first = trigger.next_fire_time(None, now)?;
    if first >= now {
        return Some(first);
    }
    let last = trigger.last_fire_time(first, now);
    trigger.next_fire_time(Some(last), now)
}

impl Wanted {
    pub(super) fn key(&self) -> (&str, &str) {
        (&self.jobstore, &self.id)
    }

    pub(super) fn owned_key(&self) -> Key {
        (self.jobstore.clone(), self.id.clone())
    }

    /// The job to add.
    pub(super) fn new_job(&self) -> JobBuilder {
        let job = self.builder.clone();
        match self.first {
            FirstRun::At(time) => job.next_run_time(time),
            FirstRun::Now | FirstRun::Never => job,
        }
    }

    /// The changes that make a stored job match the file, except for its schedule.
    pub(super) fn changes(&self) -> JobChanges {
        JobChanges::new()
            .function(Arc::clone(self.spec.function()))
            .args(self.spec.arguments().args().to_vec())
            .kwargs(self.spec.arguments().kwargs().cloned().unwrap_or_default())
            .name(self.spec.name())
            .executor(self.spec.executor())
            .misfire_grace_time(self.spec.misfire_grace_time())
            .coalesce(self.spec.coalesce())
            .max_instances(self.spec.max_instances())
            .timeout(self.spec.timeout())
            .policies(*self.spec.policies())
            .origin(self.origin.clone())
    }
}
