//! The policies of simulated jobs.

use std::fmt;
use std::time::Duration;

use apscheduler_core::job::{JobBuilder, OnCrash, OnResume, Overlap, OverlapScope, Retry};

use super::random::Random;
use super::time::{Micros, SECOND, Seconds};

/// The policies of a job. The defaults are those of a plain job.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PolicyPlan {
    pub(super) retry: Option<RetryPlan>,
    /// How often a run is run again after a crash.
    pub(super) reruns: u32,
    pub(super) overlap: Overlap,
    /// The instances of all processes count.
    pub(super) in_cluster: bool,
    pub(super) catchup_limit: Option<u32>,
    /// What a pause has held back runs when the job is resumed.
    pub(super) catches_up: bool,
}

/// How a run that fails is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPlan {
    /// With the first attempt.
    pub(super) attempts: u32,
    pub(super) delay: Micros,
}

impl PolicyPlan {
    /// Returns random policies. `runs_all` says whether the job does not coalesce.
    pub(super) fn random(random: &mut Random, runs_all: bool) -> Self {
        let attempts = u32::try_from(random.between(2, 4)).unwrap_or(2);
        let delay = random.between(SECOND / 2, 6 * SECOND) / 1000 * 1000;
        let retry = random.once_in(2).then_some(RetryPlan { attempts, delay });
        let reruns = random.pick(&[0, 0, 1, 2]);
        let overlap = random.pick(&[
            Overlap::Skip,
            Overlap::Skip,
            Overlap::BufferOne,
            Overlap::BufferAll(2),
            Overlap::BufferAll(4),
            Overlap::Allow,
            Overlap::CancelOther,
        ]);
        let counts = !matches!(overlap, Overlap::Allow | Overlap::CancelOther);
        let in_cluster = random.once_in(2) && counts;
        let limit = random.pick(&[None, Some(1), Some(2), Some(4)]);
        let catchup_limit = limit.filter(|_| runs_all);
        let catches_up = random.once_in(2);
        Self { retry, reruns, overlap, in_cluster, catchup_limit, catches_up }
    }

    /// Returns how many attempts of a run follow the first at most.
    pub(super) fn further_attempts(&self) -> u32 {
        self.retry.map_or(0, |retry| retry.attempts - 1) + self.reruns
    }

    /// Returns the longest pause before another attempt.
    pub(super) fn delay(&self) -> Micros {
        self.retry.map_or(0, |retry| retry.delay)
    }

    /// Gives them to a job.
    pub(super) fn apply(&self, mut job: JobBuilder) -> JobBuilder {
        if let Some(RetryPlan { attempts, delay }) = self.retry {
            job = job.retry(Retry::new(attempts).delay(Duration::from_micros(delay)));
        }
        if self.reruns > 0 {
            job = job.on_crash(OnCrash::Rerun { limit: self.reruns });
        }
        if self.in_cluster {
            job = job.overlap_scope(OverlapScope::Cluster);
        }
        if self.catches_up {
            job = job.on_resume(OnResume::CatchUp);
        }
        job.overlap(self.overlap).catchup_limit(self.catchup_limit)
    }
}

impl fmt::Display for PolicyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(RetryPlan { attempts, delay }) = self.retry {
            let delay = Seconds(delay.cast_signed());
            write!(f, ", has up to {attempts} attempts, {delay} s after a failure")?;
        }
        if self.reruns > 0 {
            write!(f, ", is run again after up to {} crashes", self.reruns)?;
        }
        match self.overlap {
            Overlap::Skip => {}
            Overlap::BufferAll(most) => write!(f, ", buffers {most} runs")?,
            other => write!(f, ", overlap `{other}`")?,
        }
        if self.in_cluster {
            write!(f, ", counted in the cluster")?;
        }
        if let Some(limit) = self.catchup_limit {
            write!(f, ", catches up on {limit} runs")?;
        }
        if self.catches_up {
            write!(f, ", catches up after a pause")?;
        }
        Ok(())
    }
}
