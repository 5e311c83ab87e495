//! `and`, `or`: triggers made of triggers.

mod and;
mod or;

use std::fmt;
use std::sync::Arc;

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

pub use and::{AND_PLUGIN, AndTrigger};
pub use or::{OR_PLUGIN, OrTrigger};

/// The triggers of a combining one; at least one.
#[derive(Clone, Debug)]
struct Triggers(Vec<Arc<dyn Trigger>>);

impl Triggers {
    fn new(triggers: Vec<Arc<dyn Trigger>>) -> Result<Self> {
        if triggers.is_empty() {
            let message = "triggers: needs a list of at least one trigger";
            return Err(Error::new(ErrorKind::InvalidTrigger, message));
        }
        Ok(Self(triggers))
    }

    /// Builds the triggers of the option `triggers`: tables, each with `type` and options.
    fn build(configs: &[Value], context: &TriggerContext<'_>) -> Result<Self> {
        let build = |(index, config)| {
            TriggerConfig::from_value(config)
                .and_then(|config| context.build(&config))
                .map_err(|error| error.with_context(format_args!("triggers[{index}]")))
        };
        Self::new(configs.iter().enumerate().map(build).collect::<Result<_>>()?)
    }

    fn iter(&self) -> impl Iterator<Item = &dyn Trigger> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// What the triggers say of themselves.
    fn problem(&self, now: Timestamp) -> Option<String> {
        let problems: Vec<String> = self
            .iter()
            .enumerate()
            .filter_map(|(index, trigger)| {
                let problem = trigger.problem(now)?;
                Some(format!("triggers[{index}] ({trigger}) never fires: {problem}"))
            })
            .collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }

    /// Those that are [righted](Trigger::righted), among the others; `None` where there are none.
    fn righted(&self, now: Timestamp) -> Option<Self> {
        let righted: Vec<_> = self.iter().map(|trigger| trigger.righted(now)).collect();
        righted.iter().any(Option::is_some).then(|| {
            let either = |(trigger, righted): (&Arc<dyn Trigger>, Option<Arc<dyn Trigger>>)| {
                righted.unwrap_or_else(|| Arc::clone(trigger))
            };
            Self(self.0.iter().zip(righted).map(either).collect())
        })
    }

    /// The value of the option `triggers`.
    fn option(&self) -> Value {
        self.iter().map(|trigger| table(trigger.config())).collect()
    }
}

fn table(config: TriggerConfig) -> Value {
    let kind = ("type".to_owned(), Value::String(config.kind));
    Value::Object(std::iter::once(kind).chain(config.options).collect::<Map<_, _>>())
}

impl fmt::Display for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, trigger) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{trigger}")?;
        }
        f.write_str("]")
    }
}
