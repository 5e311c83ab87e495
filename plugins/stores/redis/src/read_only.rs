//! Reads jobs with commands that need no write permission, and that work on a replica and on a server without free memory.

use apscheduler_core::Result;
use apscheduler_core::store::JobRecord;
use apscheduler_plugin_kit::store::text::PAUSED;
use redis::Value;

use crate::answer::{texts, unexpected};
use crate::connection::{Connections, Repeat};
use crate::keys::{KeyMetadata, Keys};
use crate::script::{LEDGER_FORMAT, PAGE};
use crate::text::read_record;

/// Reads what the keys contain about themselves.
pub(crate) fn metadata(connections: &Connections, keys: &Keys) -> Result<KeyMetadata> {
    let mut meta = redis::cmd("HMGET");
    meta.arg(&keys.meta).arg(&["format", "run_times", "ledger"]);
    let mut texts = texts(connections.query(&meta, Repeat::Allowed)?)?
        .map(|text| String::from_utf8_lossy(&text).into_owned());
    let mut next = || texts.next().unwrap_or_default();
    let (format, run_times, ledger) = (next(), next(), next());
    let mut owner = redis::cmd("HGET");
    owner.arg(&keys.run_times_meta).arg("jobs");
    let owner = match connections.query(&owner, Repeat::Allowed)? {
        Value::BulkString(owner) => String::from_utf8_lossy(&owner).into_owned(),
        Value::Nil => keys.jobs.clone(),
        other => return Err(unexpected(&other)),
    };
    let run_times = if run_times.is_empty() { keys.run_times.clone() } else { run_times };
    let mut exists = redis::cmd("EXISTS");
    exists.arg(&keys.jobs).arg(&keys.run_times);
    let exist = match connections.query(&exists, Repeat::Allowed)? {
        Value::Int(count) => count > 0,
        other => return Err(unexpected(&other)),
    };
    let format = (!format.is_empty()).then_some(format);
    // Earlier releases have no ledger.
    let ledger = if ledger.is_empty() { LEDGER_FORMAT.to_owned() } else { ledger };
    Ok(KeyMetadata { format, ledger, owner, run_times, exist })
}

/// Returns the record with this id.
pub(crate) fn find(connections: &Connections, keys: &Keys, id: &str) -> Result<Option<JobRecord>> {
    let mut call = redis::cmd("HGET");
    call.arg(&keys.jobs).arg(id);
    match connections.query(&call, Repeat::Allowed)? {
        Value::BulkString(value) => Ok(Some(read_record(id.into(), PAUSED, &value))),
        Value::Nil => Ok(None),
        other => Err(unexpected(&other)),
    }
}

/// Returns at most `limit` records between two bounds. Entries and records are not read at the same time, so they may
/// differ; then the record decides.
pub(crate) fn fetch(
    connections: &Connections,
    keys: &Keys,
    mut from: String,
    to: &str,
    limit: usize,
) -> Result<Vec<JobRecord>> {
    let mut records = Vec::new();
    while records.len() < limit {
        let page = PAGE.min(limit - records.len());
        let mut range = redis::cmd("ZRANGEBYLEX");
        range.arg(&keys.run_times).arg(&from).arg(to).arg("LIMIT").arg(0).arg(page);
        let entries: Vec<String> = texts(connections.query(&range, Repeat::Allowed)?)?
            .map(|entry| String::from_utf8_lossy(&entry).into_owned())
            .collect();
        let Some(last) = entries.last() else { break };
        let next = format!("({last}");
        let split = entries.iter().map(|entry| entry.split_once(' ').unwrap_or(("", entry)));
        let mut read = redis::cmd("HMGET");
        read.arg(&keys.jobs);
        for (_, id) in split.clone() {
            read.arg(id);
        }
        let Value::Array(values) = connections.query(&read, Repeat::Allowed)? else { break };
        for ((run_time, id), value) in split.zip(values) {
            if let Value::BulkString(value) = value {
                records.push(read_record(id.into(), run_time, &value));
            }
        }
        if entries.len() < page {
            break;
        }
        from = next;
    }
    Ok(records)
}
