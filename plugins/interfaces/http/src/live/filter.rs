//! Which events a reader wants.

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobKey;
use apscheduler_core::suggestion;

/// Which events a reader wants.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    kinds: EventMask,
    job_id: Option<String>,
    jobstore: Option<String>,
}

impl Filter {
    /// Events of these kinds, with commas between them (all, if none is given), and of this job.
    ///
    /// # Errors
    /// A message that names the unknown kind, and the nearest known one.
    pub(crate) fn new(
        kinds: Option<&str>,
        job_id: Option<String>,
        jobstore: Option<String>,
    ) -> Result<Self, String> {
        let mut mask = EventMask::empty();
        for kind in kinds.unwrap_or_default().split(',').filter(|kind| !kind.is_empty()) {
            let one = EventMask::from_name(&kind.to_ascii_uppercase());
            mask |= one.filter(|one| *one != EventMask::ALL).ok_or_else(|| {
                let known = EventMask::all().iter_names().map(|(name, _)| name);
                let hint = suggestion::hint(kind, "known kinds", known);
                format!("kind: unknown kind of event `{kind}`{hint}")
            })?;
        }
        let kinds = if mask.is_empty() { EventMask::ALL } else { mask };
        Ok(Self { kinds, job_id, jobstore })
    }

    pub(super) fn wants(&self, event: &Event) -> bool {
        let id = event.job().map(JobKey::id);
        let jobstore = event.job().and_then(|job| job.jobstore());
        self.kinds.contains(event.code())
            && self.job_id.as_deref().is_none_or(|wanted| id == Some(wanted))
            && self
                .jobstore
                .as_deref()
                .is_none_or(|wanted| jobstore.or(event.alias()) == Some(wanted))
    }
}
