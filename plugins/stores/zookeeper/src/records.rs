//! The nodes of the records of runs.
//!
//! A record is `runs/SHARD/HOUR/RUN ATTEMPT JOB`, where `JOB` is a hash of the id, `SHARD` its first digit, and `HOUR` that in
//! which the run was claimed. So there can be one record only of each attempt. The data is `LENGTH:ID STATE {...}`. One that
//! did not succeed has an entry `others/SHARD/HOUR/RUN ATTEMPT JOB STATE` too, by which it is found among many that did.

use apscheduler_core::ledger::{RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_core::time::from_micros;
use apscheduler_plugin_kit::store::text::{read_record, record_text};

use crate::nodes::{Nodes, RUN_SHARDS, hour_text, job_hash};
use crate::transaction::Operation;

/// The folder of all records.
pub(crate) const ALL: &str = "runs";

/// The folder of the entries of records that did not succeed.
pub(crate) const OTHERS: &str = "others";

/// The key of a record, as it is in the name of its node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) run: RunId,
    pub(crate) attempt: u32,
    /// The hash of the id of the job.
    pub(crate) job: String,
}

impl Key {
    pub(crate) fn new(run: RunId, attempt: u32, job: &str) -> Self {
        Self { run, attempt, job: job_hash(job) }
    }

    pub(crate) fn of(record: &RunRecord) -> Self {
        Self::new(record.run_id, record.attempt, &record.job_id)
    }

    /// Reads the name of a node in a folder. Returns the state too, if it has one.
    pub(crate) fn read(name: &str) -> Option<(Self, Option<RunState>)> {
        let mut words = name.split(' ');
        let run = words.next()?.parse().ok()?;
        let attempt = words.next()?.parse().ok()?;
        let job = words.next()?.to_owned();
        Some((Self { run, attempt, job }, words.next().and_then(RunState::from_name)))
    }

    /// Returns the folder of the part of the records, and that of the hour in it.
    pub(crate) fn buckets(&self, nodes: &Nodes, folder: &str) -> [String; 2] {
        let shard = shard_of(nodes, folder, &self.job);
        let hour = format!("{shard}/{}", hour(self.run));
        [shard, hour]
    }

    /// Returns the path of the record.
    pub(crate) fn path(&self, nodes: &Nodes) -> String {
        let [_, bucket] = self.buckets(nodes, ALL);
        format!("{bucket}/{} {} {}", self.run, self.attempt, self.job)
    }

    /// Returns the path of its entry among those that did not succeed.
    pub(crate) fn other_path(&self, nodes: &Nodes, state: RunState) -> String {
        let [_, bucket] = self.buckets(nodes, OTHERS);
        format!("{bucket}/{} {} {} {state}", self.run, self.attempt, self.job)
    }
}

/// Returns the hour in which a run was claimed.
pub(crate) fn hour(run: RunId) -> String {
    // Of a UUID of version 7, the first 48 bits are the milliseconds since 1970.
    let millis = i64::try_from(run.as_u128() >> 80).unwrap_or(0);
    hour_text(from_micros(millis.saturating_mul(1000)))
}

/// Returns the folder of the part of the records that those of a job are in.
pub(crate) fn shard_of(nodes: &Nodes, folder: &str, job: &str) -> String {
    let shard = job.chars().next().and_then(|digit| digit.to_digit(16)).unwrap_or(0);
    nodes.run_shard(folder, u64::from(shard) % RUN_SHARDS)
}

/// Returns the operations that add a record.
pub(crate) fn add(nodes: &Nodes, record: &RunRecord) -> Vec<Operation> {
    let key = Key::of(record);
    let mut operations = vec![Operation::create(key.path(nodes), data(record))];
    if record.state != RunState::Ok {
        operations.push(Operation::create(key.other_path(nodes, record.state), ""));
    }
    operations
}

/// Returns the folders that the node of a record needs.
pub(crate) fn buckets(nodes: &Nodes, record: &RunRecord) -> impl Iterator<Item = String> {
    let key = Key::of(record);
    let other = (record.state != RunState::Ok).then(|| key.buckets(nodes, OTHERS));
    // The folders of the parts exist as long as the store does.
    let hours = std::iter::once(key.buckets(nodes, ALL)).chain(other);
    hours.map(|[_, hour]| hour)
}

/// Returns the data of a record.
pub(crate) fn data(record: &RunRecord) -> String {
    format!("{}:{} {}", record.job_id.len(), record.job_id, record_text(record))
}

/// Reads a record. Returns `None` if a manual edit broke it.
pub(crate) fn read(key: &Key, data: &[u8]) -> Option<RunRecord> {
    let text = String::from_utf8_lossy(data);
    let (length, rest) = text.split_once(':')?;
    let (job, rest) = rest.split_at_checked(length.parse().ok()?)?;
    let run = format!("{} {}", key.run, key.attempt);
    read_record(&run, job.into(), rest.strip_prefix(' ')?.as_bytes())
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::OwnerId;
    use apscheduler_core::time::Timestamp;

    use super::*;

    #[test]
    fn a_record_is_read_from_its_node() {
        let nodes = Nodes::new("/a", "s");
        let time: Timestamp = "2027-01-01T12:34:56.789Z".parse().unwrap();
        let run = RunId::new(time);
        let record = RunRecord::new(run, "a b: é", time, OwnerId::random(), RunState::Failed);
        let key = Key::of(&record);
        let (path, other) = (key.path(&nodes), key.other_path(&nodes, RunState::Failed));
        let shard = &key.job[..1];
        assert_eq!(path, format!("/a/s/runs/{shard}/2027-01-01T12/{run} 1 {}", key.job));
        let name = other.rsplit_once('/').unwrap().1;
        assert_eq!(Key::read(name), Some((key.clone(), Some(RunState::Failed))));
        assert_eq!(read(&key, data(&record).as_bytes()), Some(record));
        assert_eq!(read(&key, b"9:a failed {}"), None);
    }
}
