//! The stored jobs that have to do with a file.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use apscheduler_core::Result;
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::Job;

use super::identity::{Identity, Owner, Ownership};
use super::wanted::{Key, Wanted};

/// The stored jobs, as far as they have to do with a file.
#[derive(Default)]
pub(super) struct Stored {
    /// Those that the file declares, whosever they are.
    pub(super) in_file: HashMap<Key, Job>,
    /// Those of this file that are no longer in it.
    pub(super) leaving: Vec<Job>,
    /// How many jobs there are at the path of the file that may be another file's, by host.
    same_path: BTreeMap<Option<String>, usize>,
    /// How many jobs there are of other files without a name, by path; those of other hosts are marked.
    other_paths: BTreeMap<(String, bool), usize>,
    /// How many jobs there are of files with another name that were here, by name.
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
            Owner::This => self.leaving.push(job),
            Owner::SamePath if take_over => self.leaving.push(job),
            Owner::SamePath => *self.same_path.entry(origin.host.clone()).or_default() += 1,
            Owner::OtherPath => {
                let elsewhere = origin.host.is_some() && !ownership.same_host(origin);
                *self.other_paths.entry((origin.file.clone(), elsewhere)).or_default() += 1;
            }
            Owner::Named(_) if !ownership.same_place(origin) => {}
            Owner::Named(_) if take_over => self.leaving.push(job),
            Owner::Named(name) => *self.renamed.entry(name).or_default() += 1,
        }
    }

    /// What is left in the stores and may surprise. `left_behind` are paths whose jobs are in this file now.
    pub(super) fn warnings(
        &self,
        identity: &Identity,
        left_behind: &BTreeSet<String>,
    ) -> Vec<String> {
        let path = identity.path();
        let mut warnings = Vec::new();
        for (host, count) in &self.same_path {
            let host = match host {
                Some(host) => format!("on the host {host}"),
                None => "on a host that an early release did not note".to_owned(),
            };
            let remedy = match &identity.name {
                Some(_) => "",
                None => "give the file a `name` if it is one file on several hosts; ",
            };
            warnings.push(format!(
                "{} of a jobs file at {path} {host} {} not in this file; left alone, since that file may be in use: \
                 {remedy}to remove them, apply this file once with `--take-over`",
                jobs(*count),
                verb(*count),
            ));
        }
        for (name, count) in &self.renamed {
            warnings.push(format!(
                "{} of the jobs file `{name}`, which was here before this one ({path}), {} not in this file; they go on \
                 until they are removed, by hand or by applying this file once with `--take-over`",
                jobs(*count),
                verb(*count),
            ));
        }
        for ((file, elsewhere), count) in &self.other_paths {
            let gone = !elsewhere && !Path::new(file).exists();
            if gone || left_behind.contains(file) {
                let why =
                    if gone { "which is gone" } else { "whose other jobs are in this file now" };
                warnings.push(format!(
                    "{} came from the file {file}, {why}; they go on until they are removed. A `name` in the file lets \
                     its jobs be known wherever it lies",
                    jobs(*count),
                ));
            }
        }
        warnings
    }
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// `1 job`, `2 jobs`.
pub(super) fn jobs(count: usize) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{count} jobs") }
}
