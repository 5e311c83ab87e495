//! The stored form of a job: readable JSON with a format version.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, TryFromFloatSecsError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Coalesce, JobDefaults, JobOrigin, JobSpec, Paused, Policies};
use crate::function::{Arguments, Function};
use crate::trigger::{Trigger, TriggerConfig, TriggerContext};
use crate::{Error, ErrorKind, Result};

/// The latest version of the format that this release writes. It reads this version and all earlier ones.
pub const STATE_VERSION: u32 = 2;

/// The version of a job that needs nothing that came later: releases that know neither policies nor pauses can run it.
const PLAIN_VERSION: u32 = 1;

/// What is written; borrowed, in the order of the keys in the text.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    id: &'a str,
    name: &'a str,
    func: &'a str,
    args: &'a [Value],
    kwargs: Cow<'a, Map<String, Value>>,
    trigger: &'a dyn Trigger,
    executor: &'a str,
    /// In seconds.
    misfire_grace_time: Option<u32>,
    coalesce: Coalesce,
    max_instances: u32,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a JobOrigin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<&'a Policies>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<&'a Paused>,
}

/// What is read.
#[derive(Deserialize)]
struct Stored {
    id: String,
    name: String,
    func: String,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    kwargs: Map<String, Value>,
    trigger: TriggerConfig,
    executor: String,
    misfire_grace_time: Option<u32>,
    coalesce: Coalesce,
    max_instances: u32,
    /// In seconds.
    timeout: Option<f64>,
    origin: Option<JobOrigin>,
    policies: Option<Box<Policies>>,
    pause: Option<Box<Paused>>,
}

/// The version alone, to tell a newer format from a broken one.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The executor alone, for jobs that are left because it has no room.
#[derive(Deserialize)]
struct Executed<'a> {
    version: u32,
    #[serde(borrow)]
    executor: Cow<'a, str>,
}

/// Returns the executor of a stored job, without restoring the job. Returns `None` if the whole text has to be read to report
/// what is wrong with it.
pub fn executor_of(text: &str) -> Option<Cow<'_, str>> {
    let stored: Executed<'_> = serde_json::from_str(text).ok()?;
    (stored.version <= STATE_VERSION).then_some(stored.executor)
}

/// Returns the policies of a stored job, without restoring the job. Returns `None` if the whole text has to be read to report
/// what is wrong with it.
pub fn policies_of(text: &str) -> Option<Policies> {
    #[derive(Deserialize)]
    struct Governed {
        version: u32,
        policies: Option<Box<Policies>>,
    }
    let stored: Governed = serde_json::from_str(text).ok()?;
    (stored.version <= STATE_VERSION)
        .then(|| stored.policies.map_or_else(Policies::default, |policies| *policies))
}

/// Returns the pause of a stored job, without restoring the job, if it has one that can be read.
pub fn paused_of(text: &str) -> Option<Paused> {
    #[derive(Deserialize)]
    struct Pausable {
        version: u32,
        pause: Option<Box<Paused>>,
    }
    let stored: Pausable = serde_json::from_str(text).ok()?;
    stored.pause.filter(|_| stored.version <= STATE_VERSION).map(|pause| *pause)
}

/// Returns the job as a JSON object.
///
/// # Errors
/// [`ErrorKind::Unsupported`] if the job calls a closure; [`ErrorKind::InvalidJob`] if it can't be written as JSON.
pub fn encode_value(spec: &JobSpec) -> Result<Value> {
    serde_json::to_value(written(spec)?).map_err(|error| not_encodable(spec, error))
}

/// Returns the job as JSON text.
///
/// # Errors
/// As [`encode_value`].
pub fn encode(spec: &JobSpec) -> Result<Arc<str>> {
    serde_json::to_string(&written(spec)?)
        .map(Into::into)
        .map_err(|error| not_encodable(spec, error))
}

fn not_encodable(spec: &JobSpec, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::InvalidJob, "the job can't be written as JSON")
        .with_job_id(spec.id())
        .with_source(error)
}

fn written(spec: &JobSpec) -> Result<Written<'_>> {
    if !spec.function.is_named() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the function `{}` is not registered, so a store that serializes can't restore it; register it by \
                 name, or keep the job in a memory store",
                spec.function.name()
            ),
        )
        .with_job_id(spec.id()));
    }
    // A release that ignored them would run the job otherwise, so it sets the job aside.
    let has_policies = spec.policies.is_some() || spec.coalesce == Coalesce::Earliest;
    let is_plain = !has_policies && spec.pause.is_none();
    Ok(Written {
        version: if is_plain { PLAIN_VERSION } else { STATE_VERSION },
        id: spec.id(),
        name: spec.name(),
        func: spec.function.name(),
        args: spec.arguments.args(),
        kwargs: spec.arguments.kwargs().map_or_else(Cow::default, Cow::Borrowed),
        trigger: &*spec.trigger,
        executor: spec.executor(),
        misfire_grace_time: spec.misfire_grace_time,
        coalesce: spec.coalesce,
        max_instances: spec.max_instances,
        timeout: spec.timeout.map(|timeout| timeout.as_secs_f64()),
        origin: spec.origin(),
        policies: spec.policies.as_deref(),
        pause: spec.pause(),
    })
}

/// The longest timeout is stored as a slightly larger number, because a float has fewer digits.
fn read_timeout(seconds: f64) -> std::result::Result<Duration, TryFromFloatSecsError> {
    let is_longest = seconds > 0.0 && seconds <= Duration::MAX.as_secs_f64();
    Duration::try_from_secs_f64(seconds)
        .or_else(|error| if is_longest { Ok(Duration::MAX) } else { Err(error) })
}

fn broken(id: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BrokenRecord, message.into()).with_job_id(id)
}

fn no_job(id: &str, error: &serde_json::Error) -> Error {
    broken(id, format!("the stored state is not a job: {error}"))
}

/// Checks that this release can read the version of the format.
fn check_version(id: &str, text: &str) -> Result<()> {
    let Versioned { version } = serde_json::from_str(text).map_err(|error| no_job(id, &error))?;
    if version > STATE_VERSION {
        let message = format!(
            "the stored state has the format version {version}, this release reads versions up to {STATE_VERSION}"
        );
        return Err(broken(id, message));
    }
    Ok(())
}

/// Returns the origin of a job whose record can't be restored, if that part can be read.
pub fn broken_origin(text: &str) -> Option<JobOrigin> {
    /// All versions have these keys.
    #[derive(Deserialize)]
    struct Declared {
        origin: Option<JobOrigin>,
    }
    serde_json::from_str::<Declared>(text).ok()?.origin
}

/// Restores the trigger of a stored job, whose function need not be known.
///
/// # Errors
/// [`ErrorKind::BrokenRecord`] if the text has no trigger, or one of a plugin that is not registered.
pub fn trigger_of(id: &str, text: &str, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    /// All versions have this key.
    #[derive(Deserialize)]
    struct Scheduled {
        trigger: TriggerConfig,
    }
    check_version(id, text)?;
    let Scheduled { trigger } = serde_json::from_str(text).map_err(|error| no_job(id, &error))?;
    context.build(&trigger).map_err(|error| broken(id, error.message()))
}

/// Restores the job of a record.
///
/// # Errors
/// [`ErrorKind::BrokenRecord`] if the text is not a job, or names a function or a plugin that is not registered.
pub fn decode(id: &Arc<str>, text: &str, context: &TriggerContext<'_>) -> Result<JobSpec> {
    check_version(id, text)?;
    let stored: Stored = serde_json::from_str(text).map_err(|error| no_job(id, &error))?;
    let spec = build(id, stored, Parts::default(), context)?;
    spec.validate().map_err(|error| broken(id, error.message()))?;
    Ok(spec)
}

/// Replacements for parts of a stored job.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) function: Option<Arc<Function>>,
    pub(crate) trigger: Option<Arc<dyn Trigger>>,
}

/// Restores the job of a broken record, with `parts`, and with defaults for the `keys` that will be changed. The result is not
/// validated.
///
/// A text that is not a job at all is replaced, if a function and a trigger are given.
pub(crate) fn repair(
    id: &Arc<str>,
    text: &str,
    parts: Parts,
    keys: &[&str],
    context: &TriggerContext<'_>,
) -> Result<JobSpec> {
    let object: Option<Map<String, Value>> = serde_json::from_str(text).ok();
    let mut object = match object.filter(|object| object.contains_key("version")) {
        Some(object) => {
            check_version(id, text)?;
            object
        }
        None if parts.function.is_some() && parts.trigger.is_some() => Map::new(),
        None => {
            let message = "the stored state is not a job; to repair it, give both its function and its trigger";
            return Err(broken(id, message));
        }
    };
    let defaults = JobDefaults::default();
    let substitutes = json!({
        "version": STATE_VERSION, "id": **id, "name": **id, "func": "", "args": [], "kwargs": {},
        "trigger": {"type": ""}, "executor": **super::spec::DEFAULT_ALIAS,
        "misfire_grace_time": defaults.misfire_grace_time.map(|time| time.as_secs()), "coalesce": defaults.coalesce,
        "max_instances": defaults.max_instances, "timeout": null, "origin": null, "policies": null,
    });
    let is_new = object.is_empty();
    for (key, value) in substitutes.as_object().into_iter().flatten() {
        if is_new || keys.contains(&key.as_str()) {
            object.insert(key.clone(), value.clone());
        }
    }
    let stored = serde_json::from_value(object.into()).map_err(|error| no_job(id, &error))?;
    build(id, stored, parts, context)
}

fn build(
    id: &Arc<str>,
    stored: Stored,
    parts: Parts,
    context: &TriggerContext<'_>,
) -> Result<JobSpec> {
    if stored.id != **id {
        return Err(broken(id, format!("the stored state belongs to the job `{}`", stored.id)));
    }
    let cause = |error: Error| broken(id, error.message());
    let function = match parts.function {
        Some(function) => function,
        None => context.functions().function(&stored.func).map_err(cause)?,
    };
    let trigger = match parts.trigger {
        Some(trigger) => trigger,
        None => context.build(&stored.trigger).map_err(cause)?,
    };
    let name = if stored.name == function.name() {
        Arc::clone(function.name_arc())
    } else {
        stored.name.into()
    };
    let executor = if stored.executor == **super::spec::DEFAULT_ALIAS {
        Arc::clone(&super::spec::DEFAULT_ALIAS)
    } else {
        stored.executor.into()
    };
    Ok(JobSpec {
        id: Arc::clone(id),
        name,
        function,
        arguments: Arguments::new(stored.args, stored.kwargs),
        trigger,
        executor,
        misfire_grace_time: stored.misfire_grace_time,
        max_instances: stored.max_instances,
        coalesce: stored.coalesce,
        timeout: stored
            .timeout
            .map(read_timeout)
            .transpose()
            .map_err(|_| broken(id, "`timeout` is not a positive number of seconds"))?,
        origin: stored.origin.map(Box::new),
        policies: stored.policies,
        pause: stored.pause,
    })
}
