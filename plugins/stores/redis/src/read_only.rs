//! How jobs are read by those who only look at them: with commands that a user without the right to write may send, also
//! to a server that has no memory left, and to a replica.

use apscheduler_core::Result;
use apscheduler_core::store::JobRecord;
use redis::Value;

use crate::connection::{Connections, Repeat};
use crate::script::PAGE;
use crate::store::{Keys, Marks, texts, unexpected};
use crate::text::{PAUSED, read_record};

/// What the keys say of themselves.
pub(crate) fn marks(connections: &Connections, keys: &Keys) -> Result<Marks> {
    let mut meta = redis::cmd("HMGET");
    meta.arg(&keys.meta).arg(&["format", "run_times"]);
    let mut texts = texts(connections.query(&meta, Repeat::Allowed)?)?
        .map(|text| String::from_utf8_lossy(&text).into_owned());
    let (format, kept) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    let mut owner = redis::cmd("HGET");
    owner.arg(&keys.run_times_meta).arg("jobs");
    let owner = match connections.query(&owner, Repeat::Allowed)? {
        Value::BulkString(owner) => String::from_utf8_lossy(&owner).into_owned(),
        Value::Nil => keys.jobs.clone(),
        other => return Err(unexpected(&other)),
    };
    let kept = if kept.is_empty() { keys.run_times.clone() } else { kept };
    let mut exists = redis::cmd("EXISTS");
    exists.arg(&keys.jobs).arg(&keys.run_times);
    let is_used = match connections.query(&exists, Repeat::Allowed)? {
        Value::Int(count) => count > 0,
        other => return Err(unexpected(&other)),
    };
    let format = (!format.is_empty()).then_some(format);
    Ok(Marks { format, owner, kept, is_used })
}

/// The record with that id.
pub(crate) fn find(connections: &Connections, keys: &Keys, id: &str) -> Result<Option<JobRecord>> {
    let mut call = redis::cmd("HGET");
    call.arg(&keys.jobs).arg(id);
    match connections.query(&call, Repeat::Allowed)? {
        Value::BulkString(value) => Ok(Some(read_record(id.into(), PAUSED, &value))),
        Value::Nil => Ok(None),
        other => Err(unexpected(&other)),
    }
}

/// The records between two bounds, `limit` at the most. An entry that does not fit its record, since both are not read at
/// once, stands where the record says.
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
