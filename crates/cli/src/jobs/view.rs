//! Fields of a job for output.

use apscheduler::job::Job;
use apscheduler::store::JobStore;

/// The pause of a job in words, with its end and its note.
pub(super) fn pause(job: &Job) -> Option<String> {
    let pause = job.paused()?;
    let end = pause.until.map(|until| format!(" until {}", job.zone(until).display(until)));
    let note = pause.note.as_ref().map(|note| format!(": {note}"));
    Some(format!("paused{}{}", end.unwrap_or_default(), note.unwrap_or_default()))
}

/// The stored text of a job, for a record that can't be restored.
pub(super) fn raw_state(store: &dyn JobStore, id: &str) -> Option<String> {
    let record = store.lookup_job(id).ok().flatten()?;
    record.payload.as_text().map(str::to_owned)
}
