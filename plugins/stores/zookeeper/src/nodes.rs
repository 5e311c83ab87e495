//! The paths of the nodes.
//!
//! All nodes of a store are below one whose name is unique. So whatever was read before the nodes were emptied or replaced
//! names nodes that do not exist any more, and nothing that is written by it can meet the nodes that came after.

use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::text::time_text;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a node's name can't contain. ZooKeeper refuses some characters beyond ASCII, so all of these are encoded.
const ENCODED: &AsciiSet = &CONTROLS.add(b'/').add(b'%');

/// The name of the job whose id is empty. No other id has it.
const EMPTY: &str = "%";

/// How many folders the jobs are spread over.
const JOB_FOLDERS: u64 = 256;

/// How many folders the records of runs are spread over, by their jobs.
pub(crate) const RUN_SHARDS: u64 = 16;

/// The lengths of the parts of a time: the hour, and ten seconds of it.
const HOUR: usize = "2027-01-01T00".len();
const TEN_SECONDS: usize = "00:0".len();

/// The paths of the nodes of a store.
#[derive(Debug)]
pub(crate) struct Nodes {
    base: String,
}

impl Nodes {
    /// The nodes of the store with this name, below a path.
    pub(crate) fn new(path: &str, name: &str) -> Self {
        Self { base: format!("{path}/{name}") }
    }

    /// The node that all are below.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Returns the paths of all nodes that exist as long as the store does, each after its parent.
    pub(crate) fn fixed(&self) -> Vec<String> {
        let mut all = vec![self.base.clone()];
        for name in
            ["adding", "changed", "claims", "due", "journal", "open", "open.index", "owners"]
        {
            all.push(self.folder(name));
        }
        all.extend([self.folder("jobs"), self.paused(), self.folder("runs")]);
        all.push(self.folder("others"));
        all.extend((0..JOB_FOLDERS).map(|folder| format!("{}/jobs/{folder:02x}", self.base)));
        for folder in ["runs", "others"] {
            all.extend((0..RUN_SHARDS).map(|shard| self.run_shard(folder, shard)));
        }
        all
    }

    /// A node directly below.
    pub(crate) fn folder(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// The node that each write changes, for those that watch it.
    pub(crate) fn changed(&self) -> String {
        self.folder("changed")
    }

    pub(crate) fn due(&self) -> String {
        self.folder("due")
    }

    pub(crate) fn paused(&self) -> String {
        self.folder("paused")
    }

    pub(crate) fn job(&self, id: &str) -> String {
        format!("{}/jobs/{:02x}/{}", self.base, hash(id.as_bytes()) % JOB_FOLDERS, id_name(id))
    }

    pub(crate) fn claim(&self, token: &str) -> String {
        format!("{}/claims/{token}", self.base)
    }

    /// A transaction that adds jobs.
    pub(crate) fn adding(&self, transaction: &str) -> String {
        format!("{}/adding/{transaction}", self.base)
    }

    pub(crate) fn journal(&self, name: &str) -> String {
        format!("{}/journal/{name}", self.base)
    }

    pub(crate) fn owner(&self, owner: OwnerId) -> String {
        format!("{}/owners/{owner}", self.base)
    }

    pub(crate) fn open_run(&self, run: RunId) -> String {
        format!("{}/open/{run}", self.base)
    }

    pub(crate) fn open_index(&self, name: &str) -> String {
        format!("{}/open.index/{name}", self.base)
    }

    /// The folder of a part of the records, in `runs` or `others`.
    pub(crate) fn run_shard(&self, folder: &str, shard: u64) -> String {
        format!("{}/{folder}/{shard:x}", self.base)
    }
}

/// Returns the name of a node for an id.
pub(crate) fn id_name(id: &str) -> String {
    match id {
        "" => EMPTY.to_owned(),
        "." | ".." => id.replace('.', "%2E"),
        id => utf8_percent_encode(id, ENCODED).to_string(),
    }
}

/// Returns the id in the name of a node.
pub(crate) fn id_of(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    percent_decode_str(name).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Returns the text of the hour of a time.
pub(crate) fn hour_text(time: Timestamp) -> String {
    let mut text = time_text(time);
    text.truncate(HOUR);
    text
}

/// Splits the text of a time into the hour, ten seconds of it, and the rest. Returns `None` if it is no time.
pub(crate) fn split_time(text: &str) -> Option<(&str, &str, &str)> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    let is_time = text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            _ => byte == *shape,
        });
    // Without the colon between them.
    let ten = HOUR + 1;
    let rest = ten + TEN_SECONDS;
    is_time.then(|| (&text[..HOUR], &text[ten..rest], &text[rest..]))
}

/// Returns the text of a time from its parts.
pub(crate) fn join_time(hour: &str, ten: &str, rest: &str) -> String {
    format!("{hour}:{ten}{rest}")
}

/// Returns the hash of the id of a job, as text in names. It is taken to be unique.
pub(crate) fn job_hash(id: &str) -> String {
    format!("{:016x}", hash(id.as_bytes()))
}

/// Returns a hash that is the same in every program: [FNV-1a](https://datatracker.ietf.org/doc/html/draft-eastlake-fnv) of
/// 64 bits, with its high bits mixed into the low ones.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash =
        bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_from_their_names() {
        for id in ["", "a", ".", "..", "...", "a/b", "%", "%2E", "a b", "\u{1f600}\n\u{7f}", "é"] {
            let name = id_name(id);
            assert!(!name.is_empty() && !name.contains('/') && name.is_ascii(), "{name}");
            assert!(name != "." && name != "..");
            assert_eq!(id_of(&name).as_deref(), Some(id));
        }
        assert_eq!(id_of("%ff"), None);
    }

    #[test]
    fn times_are_split_and_joined() {
        let text = "2027-01-01T12:34:56.789000Z";
        let (hour, ten, rest) = split_time(text).unwrap();
        assert_eq!((hour, ten, rest), ("2027-01-01T12", "34:5", "6.789000Z"));
        assert_eq!(join_time(hour, ten, rest), text);
        assert_eq!(hour_text(text.parse().unwrap()), hour);
        for text in ["", "2027-01-01", "2027-01-01T12:34:56.789000+"] {
            assert_eq!(split_time(text), None);
        }
    }
}
