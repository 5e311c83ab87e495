//! Triggers as data.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Trigger;
use crate::options::Options;
use crate::{Error, ErrorKind, Result};

/// A trigger as data: the name of its plugin, and its options.
///
/// [`TriggerContext::build`](super::TriggerContext::build) builds the trigger; [`of`](Self::of) is the way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TriggerConfig {
    /// The name of the trigger plugin.
    #[serde(rename = "type")]
    pub kind: String,
    /// The options of the plugin.
    #[serde(flatten)]
    pub options: Options,
}

impl TriggerConfig {
    /// Creates a configuration without options.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), options: Options::new() }
    }

    /// Sets an option.
    pub fn option(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Replaces all options.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Returns the configuration from which an equal trigger is built.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] if the options of the trigger can't be written as a JSON object.
    pub fn of(trigger: &dyn Trigger) -> Result<Self> {
        let invalid = || {
            let message = format!("the options of {trigger} can't be written as JSON");
            Error::new(ErrorKind::InvalidTrigger, message)
        };
        let options = serde_json::to_value(trigger.options())
            .map_err(|error| invalid().with_source(error))?;
        match options {
            Value::Object(options) => Ok(Self { kind: trigger.kind().to_owned(), options }),
            Value::Null => Ok(Self::new(trigger.kind())),
            _ => Err(invalid()),
        }
    }

    /// Reads a JSON object with the key `type` (a plugin name) or `class` (a class reference).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] if it is not an object or has neither key.
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
            None => Err(invalid("a trigger needs `type`, such as `interval` or `cron`".to_owned())),
        }
    }
}
