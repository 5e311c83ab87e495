//! The options that new jobs and changes to jobs share.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::JobOrigin;
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
    pub(super) coalesce: Option<bool>,
    pub(super) max_instances: Option<u32>,
    pub(super) timeout: Option<Option<Duration>>,
    pub(super) next_run_time: Option<Option<Timestamp>>,
    pub(super) origin: Option<Box<JobOrigin>>,
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

            /// Sets whether several due run times become one run.
            pub fn coalesce(mut self, coalesce: bool) -> Self {
                self.fields.coalesce = Some(coalesce);
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
