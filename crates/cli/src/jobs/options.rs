//! Command line options for the options of a job.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use apscheduler::job::Coalesce;
use apscheduler::options::Seconds;
use apscheduler::time::{Clock as _, SystemClock, Timestamp, Zone};
use apscheduler::trigger::{After, AfterOn, TriggerConfig};
use serde_json::{Map, Value};

use super::policies::PolicyArgs;
use crate::input;

/// The options shared by `jobs add` and `jobs modify`.
#[derive(clap::Args)]
pub(super) struct JobOptions {
    /// Positional arguments of the function
    #[arg(long, value_name = "JSON LIST")]
    args: Option<String>,
    /// Keyword arguments of the function
    #[arg(long, value_name = "JSON OBJECT")]
    kwargs: Option<String>,
    /// The trigger: an object with `type` and the options of the trigger
    #[arg(long, value_name = "JSON", conflicts_with = "cron")]
    trigger: Option<String>,
    /// The trigger as a crontab expression: minute, hour, day of month, month, day of week (0 is Monday)
    #[arg(long, value_name = "EXPR")]
    cron: Option<String>,
    /// Run when a run of this other job has succeeded, or with `:failed` failed, or with `:any` ended; may be given more than
    /// once
    #[arg(long, value_name = "JOB[:ON]", conflicts_with_all = ["trigger", "cron"])]
    after: Vec<String>,
    /// A descriptive name
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The alias of the executor
    #[arg(long, value_name = "ALIAS")]
    pub(super) executor: Option<String>,
    /// How late a run may start: seconds, or text such as "1h 30m"; `none` for no limit
    #[arg(long, value_name = "TIME")]
    misfire_grace_time: Option<OrNone<Length>>,
    /// Which of several due run times run: latest (or true), earliest, all (or false)
    #[arg(long, value_name = "WHICH", value_parser = coalesce)]
    pub(super) coalesce: Option<Coalesce>,
    /// How many instances may run at the same time
    #[arg(long, value_name = "N")]
    pub(super) max_instances: Option<u32>,
    /// How long a run may take: seconds, or text such as "1h 30m"; `none` for no limit
    #[arg(long, value_name = "TIME")]
    timeout: Option<OrNone<Length>>,
    /// The next run time in ISO 8601; `now`; or `none` to pause the job
    #[arg(long, value_name = "TIME")]
    next_run_time: Option<String>,
    #[command(flatten)]
    pub(super) policies: PolicyArgs,
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

/// A length of time: a number of seconds, or text with units.
#[derive(Clone, Copy, Debug)]
struct Length(Seconds);

impl FromStr for Length {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_value(text.into()).map(Self)
    }
}

fn coalesce(text: &str) -> Result<Coalesce, &'static str> {
    text.parse().map_err(|()| "expected latest, earliest, all, true or false")
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
        if !self.after.is_empty() {
            let jobs: Vec<After> = self.after.iter().map(|text| after(text)).collect();
            return Ok(Some(
                TriggerConfig::new("after").option("jobs", serde_json::to_value(jobs)?),
            ));
        }
        if let Some(line) = &self.cron {
            return Ok(Some(input::crontab(line)));
        }
        let trigger = self.trigger.as_ref();
        trigger.map(|text| input::trigger_option("--trigger", text)).transpose()
    }

    pub(super) fn misfire_grace_time(&self) -> Result<Option<Option<Duration>>> {
        let check = |Length(time): Length| time.not_negative("--misfire-grace-time");
        Ok(self.misfire_grace_time.map(|given| given.0.map(check).transpose()).transpose()?)
    }

    pub(super) fn timeout(&self) -> Result<Option<Option<Duration>>> {
        let check = |Length(time): Length| time.not_negative("--timeout");
        Ok(self.timeout.map(|given| given.0.map(check).transpose()).transpose()?)
    }

    pub(super) fn next_run_time(&self, zone: Zone) -> Result<Option<Option<Timestamp>>> {
        Ok(match self.next_run_time.as_deref() {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("none") => Some(None),
            Some(text) if text.eq_ignore_ascii_case("now") => Some(Some(SystemClock.now())),
            Some(text) => Some(Some(input::instant_option("--next-run-time", text, zone)?)),
        })
    }
}

/// Reads a job that is followed. An id may contain colons.
fn after(text: &str) -> After {
    let on = text.rsplit_once(':').and_then(|(job, word)| {
        let on = AfterOn::ALL.into_iter().find(|on| on.name() == word)?;
        Some(After::new(job).on(on))
    });
    on.unwrap_or_else(|| After::new(text))
}

fn json(option: &str, text: Option<&String>) -> Result<Option<Value>> {
    text.map(|text| input::json(option, text)).transpose()
}
