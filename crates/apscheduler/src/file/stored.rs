//! The stored jobs that concern a file.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use apscheduler_core::Result;
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::Job;

use super::identity::{Identity, Owner, Ownership};
use super::wanted::{Key, Wanted};

/// The stored jobs that concern a file.
#[derive(Default)]
pub(super) struct Stored {
    /// Jobs that are in the file, whoever owns them.
    pub(super) in_file: HashMap<Key, Job>,
    /// Jobs of this file that are no longer in it.
    pub(super) removed: Vec<Job>,
    /// The number of other jobs from the same path, which may belong to another file, by host.
    same_path: BTreeMap<Option<String>, usize>,
    /// The number of jobs of other files without a name, by path and whether it is on another host.
    other_paths: BTreeMap<(String, bool), usize>,
    /// The number of jobs of files with another name that were at this place, by name.
    renamed: BTreeMap<String, usize>,
}

impl Stored {
    /// Reads the stores of a scheduler.
    pub(super) fn read(
        scheduler: &Scheduler,
        identity: &Identity,
        take_over: bool,
        wanted: &[Wanted],
    ) -> Result<Self> {
        let keys: HashSet<(&str, &str)> = wanted.iter().map(Wanted::key).collect();
        let mut ownership = Ownership::new(identity);
        let mut stored = Self::default();
        scheduler.for_each_job(|job| {
            if keys.contains(&(job.jobstore(), job.id())) {
                stored.in_file.insert((job.jobstore().to_owned(), job.id().to_owned()), job);
            } else {
                stored.not_in_file(job, take_over, &mut ownership);
            }
            Ok(())
        })?;
        Ok(stored)
    }

    fn not_in_file(&mut self, job: Job, take_over: bool, ownership: &mut Ownership<'_>) {
        let Some(origin) = job.origin() else {
            return;
        };
        match ownership.owner(origin) {
            Owner::This => self.removed.push(job),
            Owner::SamePath if take_over => self.removed.push(job),
            Owner::SamePath => *self.same_path.entry(origin.host.clone()).or_default() += 1,
            Owner::OtherPath => {
                let elsewhere = origin.host.is_some() && !ownership.same_host(origin);
                *self.other_paths.entry((origin.file.clone(), elsewhere)).or_default() += 1;
            }
            Owner::Named(_) if !ownership.same_place(origin) => {}
            Owner::Named(_) if take_over => self.removed.push(job),
            Owner::Named(name) => *self.renamed.entry(name).or_default() += 1,
        }
    }

    /// Warns of jobs that stay in the stores unexpectedly. `merged_paths` are paths of other files whose jobs are in this
    /// file now.
    pub(super) fn warnings(
        &self,
        identity: &Identity,
        merged_paths: &BTreeSet<String>,
    ) -> Vec<String> {
        let path = identity.path();
        let mut warnings = Vec::new();
        for (host, count) in &self.same_path {
            let host = match host {
                Some(host) => format!("on the host {host}"),
                None => "on an unknown host".to_owned(),
            };
            let remedy = match &identity.name {
                Some(_) => "",
                None => "if this is one file on several hosts, give it a `name`; ",
            };
            warnings.push(format!(
                "{} of a jobs file at {path} {host} {} not in this file, and kept because that file may be in use; {remedy}to \
                 remove {}, apply this file once with `--take-over`",
                count_of_jobs(*count),
                verb(*count),
                pronoun(*count),
            ));
        }
        for (name, count) in &self.renamed {
            warnings.push(format!(
                "{} of the jobs file `{name}`, which was at {path} before, {} not in this file, and will continue to run; to \
                 remove {}, apply this file once with `--take-over`",
                count_of_jobs(*count),
                verb(*count),
                pronoun(*count),
            ));
        }
        for ((file, elsewhere), count) in &self.other_paths {
            let gone = !elsewhere && !Path::new(file).exists();
            if gone || merged_paths.contains(file) {
                let why = if gone {
                    "which does not exist"
                } else {
                    "whose other jobs are now in this file"
                };
                warnings.push(format!(
                    "{} of the jobs file {file}, {why}, will continue to run; remove {} with `apscheduler jobs remove`, or \
                     give a file a `name` before you move it",
                    count_of_jobs(*count),
                    pronoun(*count),
                ));
            }
        }
        warnings
    }
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn pronoun(count: usize) -> &'static str {
    if count == 1 { "it" } else { "them" }
}

/// `1 job`, `2 jobs`.
pub(super) fn count_of_jobs(count: usize) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{count} jobs") }
}
