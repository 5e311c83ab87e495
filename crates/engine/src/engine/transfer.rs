//! Exports and imports jobs as JSON.

use std::io::{Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::Additions;
use super::decide::restore;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use super::storing::payload;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::stored::{decode, encode_value};
use apscheduler_core::ledger::ChangeKind;
use apscheduler_core::store::{JobPayload, JobRecord, NewRecord};
use apscheduler_core::time::{Timestamp, Zone, parse_datetime};
use apscheduler_core::trigger::TriggerContext;
use apscheduler_core::{Error, ErrorKind, Result};

/// The version of the export format.
const EXPORT_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Export {
    version: u32,
    #[serde(default)]
    scheduler_version: String,
    jobs: Vec<ExportedJob>,
}

#[derive(Serialize, Deserialize)]
struct ExportedJob {
    id: String,
    /// ISO 8601 in UTC; null for a paused job.
    next_run_time: Option<String>,
    /// The stored state: an object, or the text of a record that is not valid JSON.
    state: Value,
}

impl Scheduler {
    /// Writes all jobs as JSON. Records that can't be restored are written unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] before the start; [`ErrorKind::Unsupported`] for a job that calls
    /// a closure; any error from a store; [`ErrorKind::Io`].
    pub fn export_jobs(&self, out: &mut dyn Write) -> Result<()> {
        self.export_jobs_of(None, out)
    }

    /// Writes the jobs of one store, like [`export_jobs`](Self::export_jobs).
    ///
    /// # Errors
    /// Same as [`export_jobs`](Self::export_jobs), and [`ErrorKind::UnknownAlias`].
    pub fn export_jobs_in(&self, jobstore: &str, out: &mut dyn Write) -> Result<()> {
        self.export_jobs_of(Some(jobstore), out)
    }

    fn export_jobs_of(&self, jobstore: Option<&str>, out: &mut dyn Write) -> Result<()> {
        if self.waits() {
            return Err(Error::new(
                ErrorKind::NotRunning,
                "the scheduler must have been started to export its jobs",
            ));
        }
        let mut jobs = Vec::new();
        for runner in self.0.stores_named(jobstore)? {
            self.for_each_record(&runner, |record, context| {
                jobs.push(export(record, context)?);
                Ok(())
            })?;
        }
        let export = Export {
            version: EXPORT_VERSION,
            scheduler_version: env!("CARGO_PKG_VERSION").to_owned(),
            jobs,
        };
        let io =
            |error| Error::new(ErrorKind::Io, "can't write the exported jobs").with_source(error);
        serde_json::to_writer_pretty(&mut *out, &export).map_err(|error| io(error.into()))?;
        writeln!(out).map_err(io)
    }

    /// Imports exported jobs into one store: all or none. Returns the number of jobs.
    ///
    /// A job that can't be restored here is kept unchanged and set aside, if the store serializes.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] before the start; [`ErrorKind::Config`] if the text is not an
    /// export; [`ErrorKind::ConflictingId`]; any error from the store; [`ErrorKind::Io`].
    pub fn import_jobs(&self, jobstore: &str, input: &mut dyn Read) -> Result<usize> {
        if self.waits() {
            return Err(Error::new(
                ErrorKind::NotRunning,
                "the scheduler must have been started to import jobs",
            ));
        }
        let runner = self.0.store(jobstore)?;
        let invalid = |error| {
            Error::new(ErrorKind::Config, "this is not an export of jobs").with_source(error)
        };
        let value: Value = serde_json::from_reader(input).map_err(|error| {
            if error.is_io() {
                Error::new(ErrorKind::Io, "can't read the exported jobs").with_source(error)
            } else {
                invalid(error)
            }
        })?;
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(EXPORT_VERSION) => {}
            version => {
                let found =
                    version.map_or_else(|| "none".to_owned(), |version| version.to_string());
                return Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "unrecognized version of the export: expected {EXPORT_VERSION}, found {found}"
                    ),
                ));
            }
        }
        let export: Export = serde_json::from_value(value).map_err(invalid)?;
        let context = self.0.trigger_context();
        let records = export
            .jobs
            .into_iter()
            .map(|job| import(self, &runner, job, &context))
            .collect::<Result<Vec<_>>>()?;
        let times: Vec<(Arc<str>, Option<Timestamp>)> =
            records.iter().map(|record| (Arc::clone(&record.id), record.next_run_time)).collect();
        let audit = self.audit_of(&runner).map(|audit| (audit, Additions::of(&records)));
        runner.callable()?.add_jobs(records)?;
        if let Some((audit, added)) = audit {
            audit.added(ChangeKind::Imported, &added);
        }
        for (id, time) in &times {
            runner.mark_written(id, *time);
            self.0.emit(EventMask::JOB_ADDED, || Event::JobAdded(runner.job_key(id)));
        }
        runner.mark_changed();
        self.0.wake();
        Ok(times.len())
    }
}

fn export(record: &JobRecord, context: &TriggerContext<'_>) -> Result<ExportedJob> {
    let state = match &record.payload {
        JobPayload::Live(_) => encode_value(&*restore(record, context)?)?,
        JobPayload::Encoded(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(**text)),
    };
    let next_run_time = record.next_run_time.map(|time| Zone::UTC.iso(time));
    Ok(ExportedJob { id: (*record.id).to_owned(), next_run_time, state })
}

fn import(
    scheduler: &Scheduler,
    runner: &StoreRunner,
    job: ExportedJob,
    context: &TriggerContext<'_>,
) -> Result<NewRecord> {
    let id: Arc<str> = job.id.into();
    apscheduler_core::job::validate_id(&id)?;
    let instant = |text: String| match text.parse() {
        // Any year is allowed, as in exports.
        Ok(instant) => Ok(instant),
        Err(_) => parse_datetime(&text, Zone::UTC).map(|(instant, _)| instant),
    };
    let next_run_time: Option<Timestamp> =
        job.next_run_time.map(instant).transpose().map_err(|error| error.with_job_id(&*id))?;
    let text = match job.state {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let state = match decode(&id, &text, context) {
        Ok(spec) => {
            let spec = Arc::new(spec);
            scheduler.note_follower(runner, &spec, None)?;
            payload(runner, &spec, &scheduler.0.registry)?
        }
        Err(error) if runner.capabilities.serializes => {
            tracing::warn!(job_id = &*id, "the imported job is set aside: {}", error.chain());
            JobPayload::Encoded(text.into())
        }
        Err(error) => return Err(error),
    };
    Ok(NewRecord::new(id, next_run_time, state))
}
