//! A fire: a job and one of its run times.

use anyhow::{Context as _, Result};

/// An instant, in microseconds since 1970.
pub(super) type Micros = i64;

/// How often a job fires.
pub(super) const PERIOD: Micros = 100_000;

/// A job and one of its run times.
pub(super) type Fire = (String, Micros);

pub(super) fn micros(text: &str) -> Result<Micros> {
    let time = chrono::DateTime::parse_from_rfc3339(text);
    Ok(time.with_context(|| format!("`{text}` is not an instant"))?.timestamp_micros())
}
