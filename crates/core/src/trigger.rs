//! Triggers say when.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::options::Options;
use crate::registry::{PluginKind, Registry};
use crate::time::{Clock, Timestamp, Zone};
use crate::{Error, ErrorKind, Result};

/// Says when a job runs: pure, and without state after construction.
///
/// `Display` is the short text that people read in lists, as `interval[1 day, 2:00:00]`.
pub trait Trigger: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The next fire time, or `None` when the schedule has ended.
    ///
    /// With a `previous` fire time the result is strictly later than it, and `now` does not matter: times that
    /// have passed are not left out, since the scheduler has to know of them. Without one the result is the first
    /// fire time at or after `now`.
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp>;

    /// The last fire time that is not later than `until`, given that `first` is a fire time that is not later either.
    ///
    /// A scheduler that slept for long asks for it to coalesce. The default walks; a trigger that can do better
    /// should.
    fn last_fire_time(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        let mut last = first;
        while let Some(next) = self.next_fire_time(Some(last), until) {
            if next > until || next <= last {
                break;
            }
            last = next;
        }
        last
    }

    /// The configuration that builds an equal trigger through the registry.
    fn config(&self) -> TriggerConfig;

    /// The zone to show a fire time of this trigger in.
    fn zone(&self, fire_time: Timestamp) -> Zone;
}

/// A trigger as data: the name of its plugin, and its options. This is what stores keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriggerConfig {
    /// The name of the trigger plugin.
    #[serde(rename = "type")]
    pub kind: String,
    /// The options of the plugin.
    #[serde(flatten)]
    pub options: Options,
}

impl TriggerConfig {
    /// A configuration without options.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), options: Options::new() }
    }

    /// Sets an option.
    pub fn option(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Reads a JSON object with the key `type` (a plugin name) or `class` (a class reference).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] where it is no object or names no type.
    pub fn from_value(value: &Value) -> Result<Self> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidTrigger, message);
        let Value::Object(map) = value else {
            return Err(invalid(format!(
                "expected a table with `type` and the options of the trigger, found {value}"
            )));
        };
        let mut options = map.clone();
        let class = options.remove("class");
        let kind = options.remove("type").or(class);
        match kind {
            Some(Value::String(kind)) => Ok(Self { kind, options }),
            Some(other) => Err(invalid(format!("`type` must be text, found {other}"))),
            None => Err(invalid("a trigger needs `type`, as `interval` or `cron`".to_owned())),
        }
    }
}

/// What a trigger plugin may need beside its options.
#[derive(Clone, Debug)]
pub struct TriggerContext<'a> {
    /// Builds the triggers inside a combining one.
    pub registry: &'a Registry,
    /// The zone for triggers that name none: that of the scheduler.
    pub timezone: Zone,
    /// The present, for triggers that start "now".
    pub now: Timestamp,
}

impl<'a> TriggerContext<'a> {
    /// A context of this registry, zone and clock.
    pub fn new(registry: &'a Registry, timezone: Zone, clock: &dyn Clock) -> Self {
        Self { registry, timezone, now: clock.now() }
    }

    /// Builds a trigger through the registry.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownPlugin`] with the known names, or what the plugin says of its options.
    pub fn build(&self, config: &TriggerConfig) -> Result<Arc<dyn Trigger>> {
        let plugin = self.registry.find(PluginKind::Trigger, &config.kind)?;
        plugin.build_trigger(&config.options, self)
    }
}

/// Something that a trigger can be made of when the scheduler's zone and registry are known.
#[derive(Clone, Debug)]
pub enum TriggerSource {
    /// A trigger that exists.
    Ready(Arc<dyn Trigger>),
    /// A trigger to be built by its plugin.
    Config(Box<TriggerConfig>),
}

impl TriggerSource {
    pub(crate) fn resolve(self, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
        match self {
            Self::Ready(trigger) => Ok(trigger),
            Self::Config(config) => context.build(&config),
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
