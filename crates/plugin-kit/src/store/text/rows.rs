//! Rows of open runs as text.

use apscheduler_core::ledger::{OpenMark, OpenRun, OpenState};
use apscheduler_core::run::RunId;
use apscheduler_core::time::{from_micros, to_micros};

use super::times::{read_time, time_text};

/// What stands for a time or a wish that there is not.
const NONE: &str = "-";

/// What says that somebody asks the owner to cancel the run.
const CANCEL: &str = "cancel";

/// Returns a row as `STATE ATTEMPT OWNER DUE SCHEDULED CANCEL LENGTH:JOB DATA`, without the identifier of its run. `DUE` sorts
/// as the times do; the scheduled start is in microseconds since 1970. `-` is no time, or no wish to cancel. The length of
/// the job's id is in bytes.
pub fn row_text(run: &OpenRun) -> String {
    let due = run.due.map_or(NONE.to_owned(), time_text);
    let scheduled = to_micros(run.scheduled_run_time);
    let cancel = if run.cancel { CANCEL } else { NONE };
    let (mark, length) = (mark_text(run.mark()), run.job_id.len());
    format!("{mark} {due} {scheduled} {cancel} {length}:{} {}", run.job_id, run.data)
}

/// Returns what a row begins with that has this mark: `STATE ATTEMPT OWNER`.
pub fn mark_text(mark: OpenMark) -> String {
    format!("{} {} {}", mark.state.name(), mark.attempt, mark.owner)
}

/// Reads what [`row_text`] returned. Returns `None` if a manual edit broke it.
pub fn read_row(run: RunId, row: &[u8]) -> Option<OpenRun> {
    let row = String::from_utf8_lossy(row);
    let mut words = row.splitn(7, ' ');
    let state = OpenState::from_name(words.next()?)?;
    let attempt = words.next()?.parse().ok()?;
    let owner = words.next()?.parse().ok()?;
    let due = words.next()?;
    let scheduled = from_micros(words.next()?.parse().ok()?);
    let cancel = words.next()? == CANCEL;
    let (length, rest) = words.next()?.split_once(':')?;
    let (job, data) = rest.split_at_checked(length.parse().ok()?)?;
    let run = OpenRun::new(run, job, scheduled, owner, data.strip_prefix(' ')?);
    let run = run.attempt(attempt).cancel(cancel);
    Some(if state == OpenState::Waiting { run.waiting(read_time(due)) } else { run })
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::OwnerId;

    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let (time, owner) = (from_micros(1_800_000_000_000_001), OwnerId::from_u128(7));
        let run = OpenRun::new(RunId::new(time), "a 1:b \u{e9}", time, owner, "{\"a\": 1}");
        let text = "claimed 1 00000000-0000-0000-0000-000000000007 - 1800000000000001 - 8:a 1:b \u{e9} {\"a\": 1}";
        assert_eq!(row_text(&run), text);
        assert_eq!(read_row(run.run_id, text.as_bytes()), Some(run.clone()));
        for run in [run.clone().attempt(3).waiting(time).cancel(true), run.waiting(None)] {
            assert_eq!(read_row(run.run_id, row_text(&run).as_bytes()), Some(run));
        }
    }

    #[test]
    fn damaged_text_is_no_row() {
        let run = RunId::new(from_micros(0));
        let owner = OwnerId::from_u128(7);
        for text in ["", "claimed", "lost 1 {} - 0 - 1:a x", "claimed 1 me - 0 - 1:a x"] {
            assert_eq!(read_row(run, text.as_bytes()), None, "{text}");
        }
        for end in ["9:a x", "1:a", "1:ab x", "a x"] {
            let text = format!("claimed 1 {owner} - 0 - {end}");
            assert_eq!(read_row(run, text.as_bytes()), None, "{text}");
        }
    }
}
