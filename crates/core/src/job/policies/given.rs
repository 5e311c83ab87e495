//! The policies that were given for a job.

use std::time::Duration;

use super::{OnCrash, OnResume, Overlap, OverlapScope, Policies, Retry};
use crate::Result;
use crate::ledger::History;
use crate::options::{self, Options};

/// The policies that were given for a job, or are changed; `None` for those that were not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PolicyOptions {
    /// Whether a run that fails is tried again.
    pub retry: Option<Option<Retry>>,
    /// What becomes of a run whose scheduler dies.
    pub on_crash: Option<OnCrash>,
    /// What becomes of a run when the job has its maximum of running instances.
    pub overlap: Option<Overlap>,
    /// Which running instances count.
    pub overlap_scope: Option<OverlapScope>,
    /// How many run times that are overdue run.
    pub catchup_limit: Option<Option<u32>>,
    /// Which run times follow when the job is resumed.
    pub on_resume: Option<OnResume>,
    /// How long after its scheduled start a run must have succeeded.
    pub deadline: Option<Option<Duration>>,
    /// Which runs are recorded.
    pub history: Option<Option<History>>,
    /// Whether return values and errors are recorded.
    pub record_result: Option<bool>,
}

/// Declares a table of options that has the policies beside other keys, so that errors about unknown keys know them all.
macro_rules! policy_table {
    ($(#[$meta:meta])* struct $name:ident { $($fields:tt)* }) => {
        $(#[$meta])*
        #[derive(::serde::Deserialize)]
        #[serde(default)]
        struct $name {
            $($fields)*
            #[serde(deserialize_with = "given")]
            retry: Option<Option<$crate::job::Retry>>,
            on_crash: Option<$crate::job::OnCrash>,
            overlap: Option<$crate::job::Overlap>,
            overlap_scope: Option<$crate::job::OverlapScope>,
            #[serde(deserialize_with = "given")]
            catchup_limit: Option<Option<u32>>,
            on_resume: Option<$crate::job::OnResume>,
            #[serde(deserialize_with = "given")]
            deadline: Option<Option<$crate::options::Seconds>>,
            #[serde(deserialize_with = "given")]
            history: Option<Option<$crate::ledger::History>>,
            record_result: Option<bool>,
        }

        impl $name {
            /// Returns the policies. `deadline` is how errors name that key.
            fn policies(&self, deadline: &str) -> $crate::Result<$crate::job::PolicyOptions> {
                let positive = self.deadline.map(|time| {
                    time.map(|time| time.positive(deadline)).transpose()
                });
                let deadline = positive.transpose()?;
                Ok($crate::job::PolicyOptions {
                    retry: self.retry,
                    on_crash: self.on_crash,
                    overlap: self.overlap,
                    overlap_scope: self.overlap_scope,
                    catchup_limit: self.catchup_limit,
                    on_resume: self.on_resume,
                    deadline,
                    history: self.history,
                    record_result: self.record_result,
                })
            }
        }

        /// Tells a key with the value null (or the text `none`, in formats without null) from a missing key: only the
        /// latter leaves the option open.
        fn given<'de, D, T>(deserializer: D) -> ::std::result::Result<Option<Option<T>>, D::Error>
        where
            D: ::serde::Deserializer<'de>,
            T: ::serde::Deserialize<'de>,
        {
            ::serde::Deserialize::deserialize(deserializer).map(Some)
        }
    };
}

impl PolicyOptions {
    /// The names of the policies in configs.
    pub const NAMES: [&str; 9] = [
        "retry",
        "on_crash",
        "overlap",
        "overlap_scope",
        "catchup_limit",
        "on_resume",
        "deadline",
        "history",
        "record_result",
    ];

    /// Returns these policies, and those of `base` where none was given.
    pub fn over(&self, base: &Policies) -> Policies {
        Policies {
            retry: self.retry.unwrap_or(base.retry),
            on_crash: self.on_crash.unwrap_or(base.on_crash),
            overlap: self.overlap.unwrap_or(base.overlap),
            overlap_scope: self.overlap_scope.unwrap_or(base.overlap_scope),
            catchup_limit: self.catchup_limit.unwrap_or(base.catchup_limit),
            on_resume: self.on_resume.unwrap_or(base.on_resume),
            deadline: self.deadline.unwrap_or(base.deadline),
            history: self.history.unwrap_or(base.history),
            record_result: self.record_result.unwrap_or(base.record_result),
        }
    }
}

policy_table! {
    /// The policies alone.
    #[derive(Default)]
    struct Table {}
}

impl PolicyOptions {
    /// Reads the policies of a table. `what` is named in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) that names the key.
    pub fn from_table(what: &str, table: &Options) -> Result<Self> {
        let table: Table = options::parse(what, table)?;
        table.policies(&format!("{what}: deadline"))
    }
}

/// All policies are given.
impl From<Policies> for PolicyOptions {
    fn from(policies: Policies) -> Self {
        Self {
            retry: Some(policies.retry),
            on_crash: Some(policies.on_crash),
            overlap: Some(policies.overlap),
            overlap_scope: Some(policies.overlap_scope),
            catchup_limit: Some(policies.catchup_limit),
            on_resume: Some(policies.on_resume),
            deadline: Some(policies.deadline),
            history: Some(policies.history),
            record_result: Some(policies.record_result),
        }
    }
}

pub(crate) use policy_table;
