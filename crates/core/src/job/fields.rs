//! The options that new jobs and changes to jobs share.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Coalesce, JobOrigin, PolicyOptions};
use crate::time::Timestamp;
use crate::trigger::TriggerSource;

/// The options of a job that were given; `None` for those that were not.
#[derive(Clone, Debug, Default)]
pub(super) struct JobFields {
    pub(super) trigger: Option<TriggerSource>,
    pub(super) args: Option<Vec<Value>>,
    // Boxed, because most jobs have none and there may be a million builders.
    pub(super) kwargs: Option<Box<Map<String, Value>>>,
    pub(super) name: Option<String>,
    pub(super) executor: Option<Arc<str>>,
    pub(super) misfire_grace_time: Option<Option<Duration>>,
    pub(super) coalesce: Option<Coalesce>,
    pub(super) max_instances: Option<u32>,
    pub(super) timeout: Option<Option<Duration>>,
    pub(super) next_run_time: Option<Option<Timestamp>>,
    pub(super) origin: Option<Box<JobOrigin>>,
    // Boxed for the same reason.
    pub(super) policies: Option<Box<PolicyOptions>>,
}

/// Writes the setters of [`JobFields`] for a type that has them in its field `fields`.
macro_rules! field_setters {
    ($type:ty) => {
        impl $type {
            /// Sets the trigger: one that exists, the builder of one, or a
            /// [`TriggerConfig`](crate::trigger::TriggerConfig) that its plugin builds.
            ///
            /// A builder and a configuration are built when the job is added, with the zone and the clock of the
            /// scheduler. A trigger that exists keeps its own zone.
            pub fn trigger(mut self, trigger: impl Into<$crate::trigger::TriggerSource>) -> Self {
                self.fields.trigger = Some(trigger.into());
                self
            }

            /// Sets the positional arguments of the function.
            pub fn args(mut self, args: impl IntoIterator<Item = ::serde_json::Value>) -> Self {
                self.fields.args = Some(args.into_iter().collect());
                self
            }

            /// Sets the named arguments of the function.
            pub fn kwargs(
                mut self,
                kwargs: ::serde_json::Map<String, ::serde_json::Value>,
            ) -> Self {
                self.fields.kwargs = Some(Box::new(kwargs));
                self
            }

            /// Sets the description for people. Default: the name of the function.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.fields.name = Some(name.into());
                self
            }

            /// Sets the alias of the executor that runs the job. Default: `default`.
            pub fn executor(mut self, alias: impl Into<::std::sync::Arc<str>>) -> Self {
                self.fields.executor = Some(alias.into());
                self
            }

            /// Sets how late a run may start: a positive number of whole seconds, or `None` for however late.
            pub fn misfire_grace_time(
                mut self,
                time: impl Into<Option<::std::time::Duration>>,
            ) -> Self {
                self.fields.misfire_grace_time = Some(time.into());
                self
            }

            /// Sets which of several due run times run: `true` or the latest, the earliest, `false` or all.
            pub fn coalesce(mut self, coalesce: impl Into<$crate::job::Coalesce>) -> Self {
                self.fields.coalesce = Some(coalesce.into());
                self
            }

            /// Sets whether a run that fails is tried again; `None`, the default, is never.
            pub fn retry(mut self, retry: impl Into<Option<$crate::job::Retry>>) -> Self {
                self.fields.policies.get_or_insert_default().retry = Some(retry.into());
                self
            }

            /// Sets what becomes of a run whose scheduler dies.
            pub fn on_crash(mut self, on_crash: $crate::job::OnCrash) -> Self {
                self.fields.policies.get_or_insert_default().on_crash = Some(on_crash);
                self
            }

            /// Sets what becomes of a run when `max_instances` are running.
            pub fn overlap(mut self, overlap: $crate::job::Overlap) -> Self {
                self.fields.policies.get_or_insert_default().overlap = Some(overlap);
                self
            }

            /// Sets which running instances count for `max_instances`.
            pub fn overlap_scope(mut self, scope: $crate::job::OverlapScope) -> Self {
                self.fields.policies.get_or_insert_default().overlap_scope = Some(scope);
                self
            }

            /// Sets how many run times that are overdue run: the newest do. `None`, the default, is all.
            pub fn catchup_limit(mut self, limit: impl Into<Option<u32>>) -> Self {
                self.fields.policies.get_or_insert_default().catchup_limit = Some(limit.into());
                self
            }

            /// Sets which run times follow when the job is resumed.
            pub fn on_resume(mut self, on_resume: $crate::job::OnResume) -> Self {
                self.fields.policies.get_or_insert_default().on_resume = Some(on_resume);
                self
            }

            /// Sets how long after its scheduled start a run must have succeeded; `None`, the default, is without limit.
            pub fn deadline(mut self, deadline: impl Into<Option<::std::time::Duration>>) -> Self {
                self.fields.policies.get_or_insert_default().deadline = Some(deadline.into());
                self
            }

            /// Sets which runs are recorded; `None`, the default, is as the scheduler says.
            pub fn history(mut self, history: impl Into<Option<$crate::ledger::History>>) -> Self {
                self.fields.policies.get_or_insert_default().history = Some(history.into());
                self
            }

            /// Sets whether return values and errors are recorded.
            pub fn record_result(mut self, record: bool) -> Self {
                self.fields.policies.get_or_insert_default().record_result = Some(record);
                self
            }

            /// Sets policies; those that are not given stay as they are.
            pub fn policies(mut self, policies: impl Into<$crate::job::PolicyOptions>) -> Self {
                self.fields.policies = Some(Box::new(policies.into()));
                self
            }

            /// Sets how many instances may run at once.
            pub fn max_instances(mut self, max_instances: u32) -> Self {
                self.fields.max_instances = Some(max_instances);
                self
            }

            /// Sets how long a run may take; `None`, the default, is without limit.
            ///
            /// After this time the run's token is cancelled. The process pool ends a worker that takes longer, and async
            /// runtimes drop the future of an async function that does not end within `cancel_grace_time`. Plain functions in
            /// threads can't be ended: they have to check their token.
            pub fn timeout(mut self, timeout: impl Into<Option<::std::time::Duration>>) -> Self {
                self.fields.timeout = Some(timeout.into());
                self
            }

            /// Sets when the job runs next, whatever its trigger returns; `None` pauses it.
            pub fn next_run_time(
                mut self,
                time: impl Into<Option<$crate::time::Timestamp>>,
            ) -> Self {
                self.fields.next_run_time = Some(time.into());
                self
            }

            /// Marks the job as declared by a config file.
            pub fn origin(mut self, origin: $crate::job::JobOrigin) -> Self {
                self.fields.origin = Some(Box::new(origin));
                self
            }
        }
    };
}

pub(super) use field_setters;
