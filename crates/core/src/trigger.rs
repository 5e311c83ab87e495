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
    /// fire time at or after `now`; a trigger that fires once may return its time though it has passed.
    ///
    /// `previous` may be any instant: a job that was run by hand, or whose next run time was set, passes a time that is
    /// no fire time of the trigger. The result is then the first fire time after it; the schedule stays as it is.
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp>;

    /// The next time of the schedule without jitter.
    ///
    /// The same as [`next_fire_time`](Self::next_fire_time), which is the default, but for triggers that add a random
    /// delay: they return the time that they would delay, and add the delay in [`add_jitter`](Self::add_jitter).
    /// Combining triggers compare grid times, so that the delay of one trigger never hides a fire of another.
    fn next_grid_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        self.next_fire_time(previous, now)
    }

    /// Adds a new random delay to a grid time. The result is not earlier than `grid_time` and not later than `latest`,
    /// which is not earlier than `grid_time`.
    ///
    /// The default adds none.
    fn add_jitter(&self, grid_time: Timestamp, _latest: Timestamp) -> Timestamp {
        grid_time
    }

    /// The last fire time that is not later than `until`, or `first` where there is none after it.
    ///
    /// `first` is not later than `until`. It is the fire time that is due, or any other instant if the next run time
    /// was set.
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

    /// Explains what keeps the schedule, or a part of it, from ever firing, and what would be right; or `None`.
    ///
    /// The text goes on after the name of the trigger: "no date matches month='2', day='31'". A schedule that has fired and
    /// ended has no problem. Programs show the text as a warning when a job is checked or added.
    ///
    /// The default finds none.
    fn problem(&self, _now: Timestamp) -> Option<String> {
        None
    }

    /// The same trigger as if it had been made at `now`, where its start was not given but taken from a clock that was ahead
    /// of `now`. `None`, the default, for any other trigger: a start that was given stays, and so does one that `now` may
    /// have passed.
    ///
    /// A scheduler that resumes or runs a job asks for it, so that a job that was added at a wrong date does not wait for
    /// that date.
    fn righted(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let _ = now;
        None
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
        let plugin = self.registry.find(PluginKind::Trigger, &config.kind).map_err(|error| {
            if is_crontab_line(&config.kind) { crontab_line(&config.kind) } else { error }
        })?;
        plugin.build_trigger(&config.options, self)
    }
}

/// What to tell people who check or add a job with this trigger: that it never fires, or a part of it, and why; or that
/// its schedule has ended before `now`.
pub fn schedule_warning(trigger: &dyn Trigger, now: Timestamp) -> Option<String> {
    let problem = trigger.problem(now);
    let fires = trigger.next_fire_time(None, now).is_some();
    match (problem, fires) {
        (Some(problem), false) => Some(format!("{trigger} never fires: {problem}")),
        (Some(problem), true) => Some(format!("{trigger}: {problem}")),
        (None, false) => Some(format!("{trigger} fires no more: its schedule has ended")),
        (None, true) => None,
    }
}

fn is_crontab_line(text: &str) -> bool {
    let is_field = |part: &str| {
        part.starts_with(|first: char| first == '*' || first.is_ascii_digit())
            || part.len() >= 3 && part.starts_with(|first: char| first.is_ascii_alphabetic())
    };
    let parts: Vec<&str> = text.split_whitespace().collect();
    (5..=6).contains(&parts.len()) && parts.iter().all(|part| is_field(part))
}

fn crontab_line(line: &str) -> Error {
    let line = Value::from(line);
    let message = format!(
        "{line} is a crontab line, not the name of a trigger; expected a table with `type` \"cron\" and `crontab` {line}"
    );
    Error::new(ErrorKind::UnknownPlugin, message)
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
    /// Builds the trigger, unless it exists.
    ///
    /// # Errors
    /// As [`TriggerContext::build`].
    pub fn resolve(self, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
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
