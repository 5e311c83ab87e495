//! The trigger.

use std::fmt;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{After, Trigger};
use apscheduler_core::{Error, ErrorKind, Result};

use super::options::{AfterOptions, WHAT};

/// Fires when runs of other jobs end: each end of one of them that is wanted is one run. It never fires at a time.
///
/// The jobs are in the same store. A run counts when it has ended for good: one that is tried again has not. The run that
/// follows has the scheduled start of the run that it follows, and is never too late. Ends before the job was added are not
/// followed.
///
/// To run at times too, combine it in an [`OrTrigger`](crate::OrTrigger); the job ends when these times end.
///
/// # Examples
/// ```
/// use apscheduler_core::trigger::{After, AfterOn};
/// use apscheduler_triggers::AfterTrigger;
///
/// let trigger = AfterTrigger::new([After::new("extract"), After::new("import").on(AfterOn::Any)])?;
/// assert_eq!(trigger.to_string(), "after[extract, import: any]");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterTrigger(Vec<After>);

impl AfterTrigger {
    /// Creates a trigger that fires when runs of these jobs end.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] if there are none, or if one has an empty id or is named twice.
    pub fn new(jobs: impl IntoIterator<Item = After>) -> Result<Self> {
        let jobs: Vec<After> = jobs.into_iter().collect();
        let invalid = |message: String| {
            Err(Error::new(ErrorKind::InvalidTrigger, format!("{WHAT}: {message}")))
        };
        if jobs.is_empty() {
            return invalid("`jobs` names no job to follow".to_owned());
        }
        for (index, after) in jobs.iter().enumerate() {
            if after.job.is_empty() {
                return invalid("a job has no empty id".to_owned());
            }
            if jobs[..index].iter().any(|other| other.job == after.job) {
                return invalid(format!("`{}` is named twice; use `on = \"any\"`", after.job));
            }
        }
        Ok(Self(jobs))
    }
}

impl Trigger for AfterTrigger {
    fn next_fire_time(&self, _previous: Option<Timestamp>, _now: Timestamp) -> Option<Timestamp> {
        None
    }

    fn last_fire_time(&self, first: Timestamp, _until: Timestamp) -> Timestamp {
        first
    }

    fn follows(&self) -> Vec<After> {
        self.0.clone()
    }

    fn kind(&self) -> &'static str {
        "after"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        Box::new(AfterOptions { jobs: self.0.clone() })
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        Zone::UTC
    }
}

impl fmt::Display for AfterTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("after[")?;
        for (index, after) in self.0.iter().enumerate() {
            write!(f, "{}{after}", if index > 0 { ", " } else { "" })?;
        }
        f.write_str("]")
    }
}
