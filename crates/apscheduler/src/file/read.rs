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
use super::settings::Settings;
use super::syntax::Format;
use super::variables;

/// What a file defines.
pub(super) struct Contents {
    pub(super) identity: Identity,
    pub(super) config: Config,
    pub(super) jobs: Vec<FileJob>,
    pub(super) http: Option<Http>,
    pub(super) settings: Settings,
}

/// Reads a whole file.
pub(super) fn contents(path: &Path) -> Result<Contents> {
    let mut layout = layout(path)?;
    let mut read = || {
        let table = config_table(&mut layout)?;
        let config = Config::from_value(&table)?;
        let identity = Identity::of(path, name(layout.name.take())?)?;
        let jobs = jobs(std::mem::take(&mut layout.jobs))?;
        let http = layout.http.take().map(|options| expanded(options, "http")).transpose()?;
        let settings = Settings::of(&table, http.as_ref());
        let http = http.as_ref().map(Http::read).transpose()?;
        Ok(Contents { identity, config, jobs, http, settings })
    };
    read().map_err(|error| in_file(path, &error))
}

/// Reads only the configuration of the scheduler.
pub(super) fn config_of(path: &Path) -> Result<Config> {
    let read = |mut layout| Config::from_value(&config_table(&mut layout)?);
    read(layout(path)?).map_err(|error| in_file(path, &error))
}

/// Reads only the server of the HTTP API. `listen` replaces the address that the file names.
#[cfg(feature = "interface-http")]
pub(super) fn http_of(path: &Path, listen: Option<&str>) -> Result<Http> {
    let read = |layout: Layout| {
        let options = layout.http.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let mut options = expanded(options, "http")?;
        if let (Value::Object(table), Some(listen)) = (&mut options, listen) {
            table.insert("listen".to_owned(), Value::from(listen));
        }
        Http::read(&options)
    };
    read(layout(path)?).map_err(|error| in_file(path, &error))
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

/// The keys of the scheduler, nested or with dots.
fn config_table(layout: &mut Layout) -> Result<Value> {
    expanded(Value::Object(std::mem::take(&mut layout.config)), "")
}

fn name(name: Option<Value>) -> Result<Option<Value>> {
    name.filter(|name| !name.is_null()).map(|name| expanded(name, "name")).transpose()
}

fn jobs(entries: Vec<Value>) -> Result<Vec<FileJob>> {
    let Value::Array(entries) = expanded(Value::Array(entries), "jobs")? else {
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

/// Replaces variables.
fn expanded(mut value: Value, path: &str) -> Result<Value> {
    variables::expand(&mut value, path, &variables::environment)
        .map_err(|message| Error::new(ErrorKind::Config, message))?;
    Ok(value)
}
