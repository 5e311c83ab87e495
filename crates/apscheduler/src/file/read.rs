//! Reads the parts of a file: the configuration of the scheduler, the name and the jobs.

use std::collections::HashMap;
use std::path::Path;

use apscheduler_core::config::Config;
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::entry::FileJob;
use super::http::Http;
use super::identity::Identity;
use super::layout::Layout;
use super::syntax::Format;
use super::variables;

/// What a file defines.
pub(super) struct Contents {
    pub(super) identity: Identity,
    pub(super) config: Config,
    pub(super) jobs: Vec<FileJob>,
    pub(super) http: Option<Http>,
}

/// Reads a whole file.
pub(super) fn contents(path: &Path) -> Result<Contents> {
    let mut layout = layout(path)?;
    let mut read = || {
        let config = config(&mut layout)?;
        let identity = Identity::of(path, name(layout.name.take())?)?;
        let jobs = jobs(std::mem::take(&mut layout.jobs))?;
        let http = layout.http.take().map(http).transpose()?;
        Ok(Contents { identity, config, jobs, http })
    };
    read().map_err(|error| in_file(path, &error))
}

/// Reads only the configuration of the scheduler.
pub(super) fn config_of(path: &Path) -> Result<Config> {
    config(&mut layout(path)?).map_err(|error| in_file(path, &error))
}

/// Prefixes an error with the path of the file, and joins its causes into one line.
pub(super) fn in_file(path: &Path, error: &Error) -> Error {
    let chain = error.chain();
    let text = match error.job_id() {
        // The place in the file, which comes next, includes the id.
        Some(id) => chain.strip_prefix(&format!("job `{id}`: ")).unwrap_or(&chain),
        None => &chain,
    };
    Error::new(error.kind(), format!("{}: {text}", path.display()))
        .with_retryable(error.is_retryable())
}

fn layout(path: &Path) -> Result<Layout> {
    let invalid =
        |message: String| Error::new(ErrorKind::Config, format!("{}: {message}", path.display()));
    let format = Format::of(path).map_err(invalid)?;
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::Io, format!("can't read the file `{}`", path.display()))
            .with_source(error)
    })?;
    format.parse(&text).and_then(Layout::of).map_err(invalid)
}

fn config(layout: &mut Layout) -> Result<Config> {
    let mut table = Value::Object(std::mem::take(&mut layout.config));
    expand(&mut table, "")?;
    Config::from_value(&table)
}

fn name(name: Option<Value>) -> Result<Option<Value>> {
    let mut name = name.filter(|name| !name.is_null());
    if let Some(name) = &mut name {
        expand(name, "name")?;
    }
    Ok(name)
}

fn http(mut options: Value) -> Result<Http> {
    expand(&mut options, "http")?;
    Http::read(&options)
}

fn jobs(entries: Vec<Value>) -> Result<Vec<FileJob>> {
    let mut entries = Value::Array(entries);
    expand(&mut entries, "jobs")?;
    let Value::Array(entries) = entries else {
        return Ok(Vec::new());
    };
    let read = |(index, entry)| FileJob::read(index, entry);
    let jobs = entries.into_iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
    let mut known = HashMap::new();
    for (index, job) in jobs.iter().enumerate() {
        if let Some(other) = known.insert((job.jobstore(), job.id()), index) {
            let message = format!(
                "{}: jobs[{other}] has the same id in the same job store; give one of them another id",
                job.place()
            );
            return Err(Error::new(ErrorKind::ConflictingId, message));
        }
    }
    Ok(jobs)
}

fn expand(value: &mut Value, path: &str) -> Result<()> {
    variables::expand(value, path, &variables::environment)
        .map_err(|message| Error::new(ErrorKind::Config, message))
}
