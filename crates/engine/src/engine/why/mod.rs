//! Why did a job run, or not run, at some time? Why does it not run next?
//!
//! `gathering` reads what the store and its ledger know: the job, the records of its runs and of its changes, and when
//! schedulers were alive. The rest is pure. `past` and `upcoming` weigh these facts, and make one answer of them.

mod answer;
mod evidence;
mod facts;
mod gathering;
mod job_past;
mod outcome;
mod past;
mod planned;
mod presence_spans;
mod reading;
mod upcoming;
mod verdict;
mod words;

use std::sync::Arc;

use apscheduler_core::job::JobKey;
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};

use answer::Finding;
pub use answer::Why;
pub use evidence::{Evidence, EvidenceKind};
pub use verdict::Verdict;

use super::lock::lock;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use reading::Reader;

impl Scheduler {
    /// Explains why a job ran, or did not run, at a time; without a time, or with one that lies ahead, what stands in the way
    /// of its next run. The job may have been removed, and need not be known to this program.
    ///
    /// A time without a fraction stands for the whole second, because lists show times so. The answer is as good as the records
    /// in the ledger of the job's store: see [`runs`](Self::runs) and [`audit`](Self::audit). Times are UTC.
    ///
    /// A store that can't be read is an answer too: [`Verdict::StoreUnavailable`].
    ///
    /// # Errors
    /// [`ErrorKind::JobLookup`] if no store has the job or a record of it; [`ErrorKind::UnknownAlias`] if the key names an
    /// unknown store; any error from a store that is not about its backend.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    /// use apscheduler::why::Verdict;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// scheduler.start()?;
    /// let nightly = CronTrigger::builder().hour(3).build()?;
    /// scheduler.add_job(JobBuilder::new(|| println!("report")).id("report").trigger(nightly))?;
    /// scheduler.pause_job("report")?;
    ///
    /// let why = scheduler.why("report", None)?;
    /// assert_eq!(why.verdict, Verdict::Paused);
    /// println!("{why}");
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    pub fn why(&self, job: impl Into<JobKey>, time: impl Into<Option<Timestamp>>) -> Result<Why> {
        let (key, asked) = (job.into(), time.into());
        if self.waits() {
            return self.why_held(&key, asked);
        }
        let id: Arc<str> = key.id().into();
        let mut failed = None;
        let runners = self.0.stores_named(key.jobstore())?;
        // A store that has the job comes before one that only has records of it.
        for is_there in [true, false] {
            for runner in &runners {
                match self.why_in(runner, &id, asked, is_there) {
                    Ok(Some(why)) => return Ok(why),
                    Ok(None) => {}
                    Err(error) if is_about_backend(&error) => {
                        failed.get_or_insert((Arc::clone(runner), error));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        match failed {
            Some((runner, error)) => Ok(self.why_unavailable(&runner, &id, asked, &error)),
            None => Err(Error::job_lookup(&*id)),
        }
    }

    /// Answers from one store, if it has the job; or, if `is_there` is false, has records of it.
    fn why_in(
        &self,
        runner: &Arc<StoreRunner>,
        id: &Arc<str>,
        asked: Option<Timestamp>,
        is_there: bool,
    ) -> Result<Option<Why>> {
        let record = runner.callable()?.lookup_job(id)?;
        let is_known = if record.is_some() {
            is_there
        } else {
            let reader = Reader { runner, running: &self.0.running };
            !is_there && runner.store.ledger().is_some() && reader.knows(id)?
        };
        if !is_known {
            return Ok(None);
        }
        let now = self.0.now();
        let facts = self.0.gather(runner, id, record.as_ref(), asked.unwrap_or(now))?;
        Ok(Some(match asked.filter(|asked| *asked <= now) {
            Some(asked) => past::answer(&facts, &self.0.gather_past(runner, &facts, asked)?),
            None => upcoming::answer(&facts, asked),
        }))
    }

    /// Answers for a job that is held for the start.
    fn why_held(&self, key: &JobKey, asked: Option<Timestamp>) -> Result<Why> {
        let held = lock(&self.0.pending);
        let job = held.find(key.id(), key.jobstore()).ok_or_else(|| Error::job_lookup(key.id()))?;
        let (id, jobstore) = (Arc::clone(job.spec.id_arc()), Arc::clone(&job.jobstore));
        drop(held);
        let mut why = Why::new((&id, &jobstore), self.timezone());
        why.asked = asked;
        let text = "is held until its scheduler is started";
        Ok(why.found(Finding::new(Verdict::NoScheduler, text)))
    }

    fn why_unavailable(
        &self,
        runner: &StoreRunner,
        id: &Arc<str>,
        asked: Option<Timestamp>,
        error: &Error,
    ) -> Why {
        let mut why = Why::new((id, &runner.alias), self.timezone());
        why.asked = asked;
        let text = format!("can't be read, because its store `{}` fails", runner.alias);
        let evidence = Evidence::new(EvidenceKind::Store, error.chain());
        why.found(Finding::new(Verdict::StoreUnavailable, text).with([evidence]))
    }
}

fn is_about_backend(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Store | ErrorKind::StoreReplaced | ErrorKind::Io
    )
}
