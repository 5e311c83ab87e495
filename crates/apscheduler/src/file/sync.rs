//! From the entries of a file to the records of the stores.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use apscheduler_core::config::Config;
use apscheduler_core::job::{Job, JobBuilder, JobChanges, JobOrigin, JobSpec, NextRunTime};
use apscheduler_core::schedulers::BackgroundScheduler;
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerContext};
use apscheduler_core::{Error, ErrorKind, Result, Scheduler, suggestion};

use super::digest::{digest, same_schedule};
use super::{FileJob, JobsFile, at};
use crate::builtin::BuiltIn;

/// How often it is tried again because another process changed the same jobs.
const MAX_TRIES: usize = 20;

/// What [`JobsFile::apply`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Jobs that were new, or took the place of a broken record.
    pub added: usize,
    /// Jobs that were changed.
    pub changed: usize,
    /// Jobs that were as the file says.
    pub unchanged: usize,
    /// Jobs that had left the file.
    pub removed: usize,
    /// Jobs that were not added because their schedule has ended.
    pub ended: usize,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, unchanged, removed, ended } = self;
        write!(f, "{added} added, {changed} changed, {unchanged} unchanged, {removed} removed")?;
        if *ended > 0 {
            write!(f, ", {ended} ended")?;
        }
        Ok(())
    }
}

/// A job that the file wants.
pub(super) struct Wanted {
    id: String,
    jobstore: String,
    builder: JobBuilder,
    /// What is made of it.
    spec: Arc<JobSpec>,
    origin: JobOrigin,
    first: First,
}

/// When a job runs first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    /// The file or the trigger says so; `None` for a paused job.
    At(Option<Timestamp>),
    /// It has no trigger: at the moment it is added.
    Now,
    /// Its schedule has ended.
    Never,
}

impl JobsFile {
    /// Builds all jobs, and says what is wrong with those that can't be built.
    pub(super) fn build(&self, scheduler: &Scheduler) -> (Vec<Wanted>, Vec<Error>) {
        let context =
            TriggerContext::new(scheduler.registry(), scheduler.timezone(), &**scheduler.clock());
        // A scheduler that is never started builds jobs and stores none.
        let bench: BackgroundScheduler<BuiltIn> = BackgroundScheduler::with_parts(
            scheduler.registry().clone(),
            Arc::clone(scheduler.clock()),
        );
        let config =
            Config::new().timezone(context.timezone).job_defaults(scheduler.job_defaults());
        if let Err(error) = bench.configure(&config) {
            return (Vec::new(), vec![at(&self.path, &error)]);
        }
        let (mut wanted, mut errors) = (Vec::with_capacity(self.jobs.len()), Vec::new());
        for job in &self.jobs {
            match job.want(scheduler, &bench, &context, &self.origin) {
                Ok(job) => wanted.push(job),
                Err(error) => errors.push(at(&self.path, &error)),
            }
        }
        (wanted, errors)
    }
}

impl FileJob {
    fn want(
        &self,
        scheduler: &Scheduler,
        bench: &Scheduler,
        context: &TriggerContext<'_>,
        file: &str,
    ) -> Result<Wanted> {
        let trigger = self.trigger(context)?;
        let builder = self.builder(trigger.clone(), context)?;
        let job = bench.add_job(builder.clone()).map_err(|error| self.locate(error))?;
        bench.remove_job(job.id(), Some(job.jobstore()))?;
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
        let digest = digest(&spec, self.table(), context.timezone);
        let origin = JobOrigin { file: file.to_owned(), digest };
        let first = match (job.next_run_time(), trigger) {
            (NextRunTime::Paused, _) => First::At(None),
            (NextRunTime::At(time), _) if time >= context.now => First::At(Some(time)),
            (_, Some(trigger)) => match first_fire(&*trigger, context.now) {
                Some(time) => First::At(Some(time)),
                None => First::Never,
            },
            (NextRunTime::At(_), None) => First::Never,
            (NextRunTime::Pending, None) => First::Now,
        };
        let builder = builder.origin(origin.clone());
        Ok(Wanted {
            id: self.id().to_owned(),
            jobstore: self.jobstore().to_owned(),
            builder,
            spec,
            origin,
            first,
        })
    }

    /// The alias `default` stands for what a scheduler makes up at its start.
    fn check_alias(&self, key: &str, what: &str, alias: &str, known: &[String]) -> Result<()> {
        if alias == "default" || known.iter().any(|known| known == alias) {
            return Ok(());
        }
        let known = known.iter().map(String::as_str).chain(["default"]);
        let hint = suggestion::hint(alias, &format!("{what} of this file"), known);
        let message = format!("{}: {key}: there is no `{alias}`{hint}", self.place());
        Err(Error::new(ErrorKind::UnknownAlias, message))
    }
}

/// The first fire time that has not passed. The file may be applied at any time, and again and again: fire times that
/// have passed may have run, and a finished job leaves nothing behind that would tell.
pub(super) fn first_fire(trigger: &dyn Trigger, now: Timestamp) -> Option<Timestamp> {
    let first = trigger.next_fire_time(None, now)?;
    if first >= now {
        return Some(first);
    }
    let last = trigger.last_fire_time(first, now);
    trigger.next_fire_time(Some(last), now)
}

/// Makes the stores hold what is wanted.
pub(super) fn sync(scheduler: &Scheduler, file: &str, wanted: &[Wanted]) -> Result<Applied> {
    let mut applied = Applied::default();
    let mut tries = 0;
    loop {
        tries += 1;
        match sync_once(scheduler, file, wanted, &mut applied) {
            Ok(()) => return Ok(applied),
            // Another process added or removed one of the jobs since they were listed.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConflictingId | ErrorKind::JobLookup)
                    && tries < MAX_TRIES =>
            {
                tracing::debug!("applying the jobs file again: {}", error.chain());
            }
            Err(error) => return Err(error),
        }
    }
}

fn sync_once(
    scheduler: &Scheduler,
    file: &str,
    wanted: &[Wanted],
    applied: &mut Applied,
) -> Result<()> {
    let mut stored = stored(scheduler, file, wanted)?;
    let keys: HashSet<(&str, &str)> = wanted.iter().map(Wanted::key).collect();
    for ((jobstore, id), _) in
        stored.extract_if(|(jobstore, id), _| !keys.contains(&(jobstore, id)))
    {
        tracing::info!(job_id = id, jobstore, "the job has left the file and is removed");
        scheduler.remove_job(&id, Some(&jobstore))?;
        applied.removed += 1;
    }
    (applied.unchanged, applied.ended) = (0, 0);
    let mut new = Vec::new();
    for job in wanted {
        match stored.get(&(job.jobstore.clone(), job.id.clone())) {
            None if job.first == First::Never => {
                let reason = "its schedule has ended, or its only run time has passed";
                tracing::info!(job_id = job.id, "the job is not added: {reason}");
                applied.ended += 1;
            }
            None => new.push(job.new_job()),
            Some(known) => job.update(scheduler, known, &mut new, applied)?,
        }
    }
    let count = new.len();
    scheduler.add_jobs(new)?;
    applied.added += count;
    Ok(())
}

/// The stored jobs that have to do with the file, by store and id.
fn stored(
    scheduler: &Scheduler,
    file: &str,
    wanted: &[Wanted],
) -> Result<HashMap<(String, String), Job>> {
    let keys: HashSet<(&str, &str)> = wanted.iter().map(Wanted::key).collect();
    let mut stored = HashMap::new();
    let mut strays: BTreeMap<String, usize> = BTreeMap::new();
    scheduler.for_each_job(None, |job| {
        let origin = job.spec().and_then(|spec| spec.origin()).map(|origin| origin.file.clone());
        if keys.contains(&(job.jobstore(), job.id())) || origin.as_deref() == Some(file) {
            stored.insert((job.jobstore().to_owned(), job.id().to_owned()), job);
        } else if let Some(origin) = origin {
            *strays.entry(origin).or_default() += 1;
        }
        Ok(())
    })?;
    for (origin, count) in strays {
        if !Path::new(&origin).exists() {
            tracing::warn!(
                "{count} jobs came from the file `{origin}`, which is gone; they go on until they are removed"
            );
        }
    }
    Ok(stored)
}

impl Wanted {
    fn key(&self) -> (&str, &str) {
        (&self.jobstore, &self.id)
    }

    fn new_job(&self) -> JobBuilder {
        let job = self.builder.clone();
        match self.first {
            First::At(time) => job.next_run_time(time),
            First::Now | First::Never => job,
        }
    }

    /// Brings a stored job to what the file says.
    fn update(
        &self,
        scheduler: &Scheduler,
        known: &Job,
        new: &mut Vec<JobBuilder>,
        applied: &mut Applied,
    ) -> Result<()> {
        let Some(spec) = known.spec() else {
            // It can't be changed, only replaced; what it was is in the log for who needs it.
            let reason = known.broken().map(Error::chain).unwrap_or_default();
            tracing::warn!(
                job_id = self.id,
                "the job of the file takes the place of a broken record: {reason}"
            );
            new.push(self.new_job().replace_existing(true));
            return Ok(());
        };
        let origin = spec.origin().filter(|origin| origin.file == self.origin.file);
        if origin == Some(&self.origin) {
            applied.unchanged += 1;
            return Ok(());
        }
        if origin.is_none() {
            tracing::info!(
                job_id = self.id,
                "the job of the file takes the place of one that came from elsewhere"
            );
        }
        let mut changes = JobChanges::new()
            .function(Arc::clone(self.spec.function()))
            .args(self.spec.arguments().args().to_vec())
            .kwargs(self.spec.arguments().kwargs().cloned().unwrap_or_default())
            .name(self.spec.name())
            .executor(self.spec.executor())
            .misfire_grace_time(self.spec.misfire_grace_time())
            .coalesce(self.spec.coalesce())
            .max_instances(self.spec.max_instances())
            .timeout(self.spec.timeout())
            .origin(self.origin.clone());
        if !origin.is_some_and(|origin| same_schedule(&origin.digest, &self.origin.digest)) {
            let first = match self.first {
                First::At(time) => time,
                First::Now => Some(scheduler.clock().now()),
                First::Never => {
                    tracing::info!(
                        job_id = self.id,
                        "the schedule of the job has ended, it is removed"
                    );
                    scheduler.remove_job(&self.id, Some(&self.jobstore))?;
                    applied.ended += 1;
                    return Ok(());
                }
            };
            changes = changes.trigger(Arc::clone(self.spec.trigger())).next_run_time(first);
        }
        scheduler.modify_job(&self.id, Some(&self.jobstore), &changes)?;
        tracing::info!(job_id = self.id, "the job has changed in the file");
        applied.changed += 1;
        Ok(())
    }
}
