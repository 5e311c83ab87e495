//! The options of jobs on the command line.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use apscheduler::options::{number_text, parse_bool};
use apscheduler::time::{Clock as _, SystemClock, Timestamp, Zone};
use apscheduler::trigger::TriggerConfig;
use serde_json::{Map, Value};

use crate::fires;

/// The options that both a new job and a change take.
#[derive(clap::Args)]
pub(super) struct JobOptions {
    /// The positional arguments of the function
    #[arg(long, value_name = "JSON LIST")]
    args: Option<String>,
    /// The named arguments of the function
    #[arg(long, value_name = "JSON OBJECT")]
    kwargs: Option<String>,
    /// When it runs: a table with `type` and the options of the trigger
    #[arg(long, value_name = "JSON", conflicts_with = "cron")]
    trigger: Option<String>,
    /// When it runs, as a crontab line of five fields
    #[arg(long, value_name = "EXPR")]
    cron: Option<String>,
    /// A description for people
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The alias of the executor
    #[arg(long, value_name = "ALIAS")]
    pub(super) executor: Option<String>,
    /// How many seconds a run may start late; `none` for however late
    #[arg(long, value_name = "SECONDS")]
    pub(super) misfire_grace_time: Option<OrNone<u32>>,
    /// Whether several due run times become one run: true or false
    #[arg(long, value_name = "BOOL", value_parser = boolean)]
    pub(super) coalesce: Option<bool>,
    /// How many instances may run at once
    #[arg(long, value_name = "N")]
    pub(super) max_instances: Option<u32>,
    /// How many seconds a run may take, on executors that can end one; `none` for as long as it takes
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<OrNone<f64>>,
    /// When it runs next, in ISO 8601; `now`; or `none` for a paused job
    #[arg(long, value_name = "TIME")]
    next_run_time: Option<String>,
}

/// A value, or the word `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OrNone<T>(pub(super) Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.eq_ignore_ascii_case("none") {
            Ok(Self(None))
        } else {
            text.parse().map(|value| Self(Some(value)))
        }
    }
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    parse_bool(text).ok_or("expected true or false")
}

impl JobOptions {
    pub(super) fn args(&self) -> Result<Option<Vec<Value>>> {
        match json("--args", self.args.as_ref())? {
            None => Ok(None),
            Some(Value::Array(args)) => Ok(Some(args)),
            Some(other) => bail!("--args: expected a list, found `{other}`"),
        }
    }

    pub(super) fn kwargs(&self) -> Result<Option<Map<String, Value>>> {
        match json("--kwargs", self.kwargs.as_ref())? {
            None => Ok(None),
            Some(Value::Object(kwargs)) => Ok(Some(kwargs)),
            Some(other) => bail!("--kwargs: expected an object, found `{other}`"),
        }
    }

    pub(super) fn trigger(&self) -> Result<Option<TriggerConfig>> {
        if let Some(line) = &self.cron {
            return Ok(Some(fires::crontab(line)));
        }
        let value = json("--trigger", self.trigger.as_ref())?;
        value.map(|value| fires::trigger_config(&value).context("--trigger")).transpose()
    }

    pub(super) fn timeout(&self) -> Result<Option<Option<Duration>>> {
        let duration = |seconds: f64| {
            Duration::try_from_secs_f64(seconds).with_context(|| {
                format!("--timeout: expected a number of seconds, found {}", number_text(seconds))
            })
        };
        self.timeout.map(|given| given.0.map(duration).transpose()).transpose()
    }

    pub(super) fn next_run_time(&self, zone: Zone) -> Result<Option<Option<Timestamp>>> {
        Ok(match self.next_run_time.as_deref() {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("none") => Some(None),
            Some(text) if text.eq_ignore_ascii_case("now") => Some(Some(SystemClock.now())),
            Some(text) => Some(Some(fires::instant(text, zone).context("--next-run-time")?)),
        })
    }
}

fn json(option: &str, text: Option<&String>) -> Result<Option<Value>> {
    text.map(|text| fires::json(option, text)).transpose()
}
