//! Lists of jobs: filtered, and page by page.

use apscheduler_core::Result;
use apscheduler_core::store::Cursor;
use apscheduler_core::time::Timestamp;
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::Job;

/// The most jobs that are looked at to find those that match.
const MOST_SEEN: usize = 20_000;

/// Which jobs to list. They are ordered by store, and within one as stores order them: by next run time, those without one
/// last, then by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobsQuery {
    pub(crate) jobstore: Option<String>,
    /// Only jobs whose id or name contains this text, whatever its case.
    pub(crate) search: Option<String>,
    /// Only jobs with this [status](Job::status).
    pub(crate) status: Option<String>,
    pub(crate) func: Option<String>,
    pub(crate) executor: Option<String>,
    /// Only jobs with a trigger of this type.
    pub(crate) trigger: Option<String>,
    /// Only jobs after this place.
    pub(crate) after: Option<JobPlace>,
    /// The most jobs to return.
    pub(crate) limit: usize,
}

/// A page of a list of jobs.
#[derive(Debug)]
pub(crate) struct JobsFound {
    pub(crate) jobs: Vec<Job>,
    /// Where the next page begins, if there may be more. So many jobs may have been looked at that none is on this page.
    pub(crate) next: Option<JobPlace>,
}

/// Lists jobs.
///
/// # Errors
/// [`ErrorKind::UnknownAlias`](apscheduler_core::ErrorKind::UnknownAlias); any error from a store.
pub(crate) fn jobs(scheduler: &Scheduler, asked: &JobsQuery) -> Result<JobsFound> {
    let mut aliases = match &asked.jobstore {
        Some(alias) => vec![alias.clone()],
        None => scheduler.jobstore_aliases(),
    };
    aliases.sort_unstable();
    let after = asked.after.as_ref();
    let is_left = |alias: &&String| after.is_none_or(|after| after.jobstore <= **alias);
    let (mut found, mut seen) = (Vec::new(), 0);
    for alias in aliases.iter().filter(is_left) {
        let mut cursor = after.filter(|after| after.jobstore == *alias).map(JobPlace::cursor);
        loop {
            let page = scheduler.jobs_page(alias, cursor.as_ref(), asked.limit)?;
            for job in page.jobs {
                seen += 1;
                let place = JobPlace::of(&job);
                if asked.matches(&job) {
                    found.push(job);
                }
                if found.len() == asked.limit || seen == MOST_SEEN {
                    return Ok(JobsFound { jobs: found, next: Some(place) });
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(JobsFound { jobs: found, next: None })
}

impl JobsQuery {
    fn matches(&self, job: &Job) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| value == Some(wanted))
        };
        let spec = job.spec();
        let contains = |text: &String| {
            let text = text.to_lowercase();
            job.id().to_lowercase().contains(&text) || job.name().to_lowercase().contains(&text)
        };
        self.search.as_ref().is_none_or(contains)
            && is(&self.status, Some(job.status().name()))
            && is(&self.func, spec.map(|spec| spec.function().name()))
            && is(&self.executor, spec.map(|spec| spec.executor()))
            && is(&self.trigger, spec.map(|spec| spec.trigger().kind()))
    }
}

/// A place in the list of all jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobPlace {
    time: Option<Timestamp>,
    jobstore: String,
    id: String,
}

impl JobPlace {
    /// The place of a job.
    pub(crate) fn of(job: &Job) -> Self {
        let time = job.next_run_time().instant();
        Self { time, jobstore: job.jobstore().to_owned(), id: job.id().to_owned() }
    }

    fn cursor(&self) -> Cursor {
        Cursor::new(self.time, &*self.id)
    }

    /// Returns the place as text: the run time in microseconds or `-`, the store, and the id.
    pub(crate) fn text(&self) -> String {
        let time =
            self.time.map_or_else(|| "-".to_owned(), |time| time.timestamp_micros().to_string());
        serde_json::json!([time, self.jobstore, self.id]).to_string()
    }

    /// Reads what [`text`](Self::text) returned.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let [time, jobstore, id] = serde_json::from_str::<[String; 3]>(text).ok()?;
        let time = match &*time {
            "-" => None,
            micros => Some(Timestamp::from_timestamp_micros(micros.parse().ok()?)?),
        };
        Some(Self { time, jobstore, id })
    }
}
