//! What jobs take as their trigger.

use std::fmt;
use std::sync::Arc;

use super::{Trigger, TriggerConfig, TriggerContext};
use crate::Result;

/// A trigger that is built when its job is added, with the zone and the clock of that scheduler.
///
/// The builders of triggers implement it, so a builder can be given to a job as it is.
pub trait DeferredTrigger: fmt::Debug + Send + Sync + 'static {
    /// Builds the trigger.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`](crate::ErrorKind::InvalidTrigger) or
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the option that is not valid.
    fn build_with(&self, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>>;
}

/// A trigger, or what one is built from as soon as the scheduler's zone, clock and registry are known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TriggerSource {
    /// A trigger that exists. It keeps its own zone and start.
    Ready(Arc<dyn Trigger>),
    /// A trigger that its plugin builds.
    Config(Box<TriggerConfig>),
    /// A trigger that its builder builds.
    Deferred(Arc<dyn DeferredTrigger>),
}

impl TriggerSource {
    /// Defers building a trigger until its job is added.
    pub fn deferred(trigger: impl DeferredTrigger) -> Self {
        Self::Deferred(Arc::new(trigger))
    }

    /// Builds the trigger, unless it exists.
    ///
    /// # Errors
    /// See [`TriggerContext::build`] and [`DeferredTrigger::build_with`].
    pub fn resolve(self, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
        match self {
            Self::Ready(trigger) => Ok(trigger),
            Self::Config(config) => context.build(&config),
            Self::Deferred(trigger) => trigger.build_with(context),
        }
    }
}

impl<T: Trigger> From<T> for TriggerSource {
    fn from(trigger: T) -> Self {
        Self::Ready(Arc::new(trigger))
    }
}

impl From<Arc<dyn Trigger>> for TriggerSource {
    fn from(trigger: Arc<dyn Trigger>) -> Self {
        Self::Ready(trigger)
    }
}

impl From<TriggerConfig> for TriggerSource {
    fn from(config: TriggerConfig) -> Self {
        Self::Config(Box::new(config))
    }
}
