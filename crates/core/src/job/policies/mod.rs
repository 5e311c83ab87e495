//! Policies of a job: what happens when a run fails, overlaps with another one, or could not be in time.

mod choice;
mod coalesce;
mod given;
mod overlap;
mod retry;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use choice::{OnCrash, OnResume, OverlapScope};
pub use coalesce::Coalesce;
pub use given::PolicyOptions;
pub(crate) use given::policy_table;
pub use overlap::Overlap;
pub use retry::{Retry, RetryOn};

use crate::ledger::History;
use crate::options::Seconds;

/// The policies of a job. The defaults are the behaviour of APScheduler.
///
/// # Examples
/// ```
/// use apscheduler_core::job::{Overlap, Policies};
///
/// let policies = Policies::default();
/// assert_eq!((policies.retry, policies.overlap), (None, Overlap::Skip));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policies {
    /// Whether a run that fails is tried again. Default: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What becomes of a run whose scheduler dies. Default: it is lost.
    #[serde(skip_serializing_if = "is_default")]
    pub on_crash: OnCrash,
    /// What becomes of a run when the job has its maximum of running instances. Default: it is skipped.
    #[serde(skip_serializing_if = "is_default")]
    pub overlap: Overlap,
    /// Which running instances count. Default: those of this process.
    #[serde(skip_serializing_if = "is_default")]
    pub overlap_scope: OverlapScope,
    /// How many run times that are overdue run; the newest do. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catchup_limit: Option<u32>,
    /// Which run times follow when the job is resumed. Default: those after the call.
    #[serde(skip_serializing_if = "is_default")]
    pub on_resume: OnResume,
    /// How long after its scheduled start a run must have succeeded. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none", with = "seconds")]
    pub deadline: Option<Duration>,
    /// Which runs are recorded. Default: as the scheduler says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Whether return values and errors are recorded. Default: true.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub record_result: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            retry: None,
            on_crash: OnCrash::Lost,
            overlap: Overlap::Skip,
            overlap_scope: OverlapScope::Process,
            catchup_limit: None,
            on_resume: OnResume::Next,
            deadline: None,
            history: None,
            record_result: true,
        }
    }
}

impl Policies {
    /// Returns whether runs need a row of their own in the ledger, so that other schedulers know of them.
    pub fn needs_open_runs(&self) -> bool {
        self.retry.is_some()
            || matches!(self.on_crash, OnCrash::Rerun { .. })
            || self.overlap_scope == OverlapScope::Cluster
    }

    /// Returns the first policy that needs rows in the ledger, for errors about stores that have none.
    pub fn needing_open_runs(&self) -> Option<&'static str> {
        [
            (self.retry.is_some(), "retry"),
            (matches!(self.on_crash, OnCrash::Rerun { .. }), "on_crash"),
            (self.overlap_scope == OverlapScope::Cluster, "overlap_scope"),
        ]
        .into_iter()
        .find_map(|(needs, name)| needs.then_some(name))
    }

    /// Checks the values, and that they do not contradict each other.
    ///
    /// # Errors
    /// A message that says what would be right.
    pub fn validate(&self, coalesce: Coalesce) -> Result<(), String> {
        if let Some(retry) = self.retry {
            retry.validate()?;
        }
        self.overlap.validate()?;
        if self.on_crash == (OnCrash::Rerun { limit: 0 }) {
            return Err("`on_crash`: a run is run again at least once, or is `lost`".to_owned());
        }
        if self.overlap_scope == OverlapScope::Cluster {
            match self.overlap {
                Overlap::Allow => {
                    return Err("`overlap = \"allow\"` counts no instances, so `overlap_scope = \"cluster\"` contradicts it"
                        .to_owned());
                }
                Overlap::CancelOther | Overlap::TerminateOther => {
                    return Err(format!(
                        "`overlap = \"{}\"` ends runs of this process alone, so `overlap_scope = \"cluster\"` contradicts it",
                        self.overlap
                    ));
                }
                Overlap::Skip | Overlap::BufferOne | Overlap::BufferAll(_) => {}
            }
        }
        if self.catchup_limit == Some(0) {
            return Err("`catchup_limit` must be a positive number, or none".to_owned());
        }
        if self.catchup_limit.is_some() && coalesce != Coalesce::All {
            return Err(format!(
                "`catchup_limit` limits the runs of a job that does not coalesce, so `coalesce = {}` contradicts it: set \
                 `coalesce = false`",
                serde_json::json!(coalesce)
            ));
        }
        if self.deadline == Some(Duration::ZERO) {
            return Err("`deadline` must be a positive number of seconds, or none".to_owned());
        }
        Ok(())
    }
}

/// Lengths of time as seconds.
mod seconds {
    use serde::{Deserializer, Serialize as _, Serializer};

    use super::{Deserialize as _, Duration, Seconds};

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Seconds::from).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<Seconds>::deserialize(deserializer)?;
        seconds.map(super::duration).transpose()
    }
}

/// Returns the length of time of a number of seconds that is not negative.
fn duration<E: serde::de::Error>(seconds: Seconds) -> Result<Duration, E> {
    Duration::try_from_secs_f64(seconds.0).map_err(|_| {
        let found = crate::options::number_text(seconds.0);
        E::custom(format!("expected a number of seconds, 0 or more, found {found}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_are_not_written() {
        assert_eq!(serde_json::to_value(Policies::default()).unwrap(), json!({}));
        assert_eq!(serde_json::from_value::<Policies>(json!({})).unwrap(), Policies::default());
    }

    #[test]
    fn all_policies_are_read_as_they_were_written() {
        let policies = Policies {
            retry: Some(
                Retry::new(5)
                    .delay(Duration::from_millis(1500))
                    .backoff(2.5)
                    .max_delay(Duration::from_secs(60))
                    .jitter(Duration::from_secs(3))
                    .on(RetryOn::TIMEOUTS),
            ),
            on_crash: OnCrash::Rerun { limit: 7 },
            overlap: Overlap::BufferAll(4),
            overlap_scope: OverlapScope::Cluster,
            catchup_limit: Some(9),
            on_resume: OnResume::CatchUp,
            deadline: Some(Duration::from_secs(90)),
            history: Some(History::Failures),
            record_result: false,
        };
        let written = serde_json::to_value(policies).unwrap();
        assert_eq!(
            written,
            json!({
                "retry": {"max_attempts": 5, "delay": 1.5, "backoff": 2.5, "max_delay": 60.0, "jitter": 3.0,
                    "on": ["timeouts"]},
                "on_crash": {"rerun": 7}, "overlap": {"buffer_all": 4}, "overlap_scope": "cluster", "catchup_limit": 9,
                "on_resume": "catch_up", "deadline": 90.0, "history": "failures", "record_result": false,
            })
        );
        assert_eq!(serde_json::from_value::<Policies>(written).unwrap(), policies);
    }

    #[test]
    fn contradictions_are_errors() {
        let check = |change: &dyn Fn(&mut Policies)| {
            let mut policies = Policies::default();
            change(&mut policies);
            policies.validate(Coalesce::Latest).unwrap_err()
        };
        let cluster = OverlapScope::Cluster;
        for overlap in [Overlap::Allow, Overlap::CancelOther, Overlap::TerminateOther] {
            let error = check(&|policies| {
                (policies.overlap, policies.overlap_scope) = (overlap, cluster);
            });
            assert!(error.contains("contradicts it"), "{error}");
        }
        let error = check(&|policies| policies.catchup_limit = Some(3));
        assert!(error.contains("set `coalesce = false`"), "{error}");
        let error = check(&|policies| policies.catchup_limit = Some(0));
        assert!(error.contains("must be a positive number"), "{error}");
        let error = check(&|policies| policies.deadline = Some(Duration::ZERO));
        assert!(error.contains("`deadline`"), "{error}");
        let error = check(&|policies| policies.on_crash = OnCrash::Rerun { limit: 0 });
        assert!(error.contains("at least once"), "{error}");
        let error = check(&|policies| policies.retry = Some(Retry::new(1)));
        assert!(error.contains("at least 2"), "{error}");
    }
}
