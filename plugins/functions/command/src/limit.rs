//! Limits how much output of a program is logged.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A longer line counts as several lines, one for each of this many bytes.
const BYTES_PER_LINE: usize = 1024;

const SECOND: Duration = Duration::from_secs(1);

/// The limits of one run, for both streams together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    /// Lines in one run.
    pub(crate) max_lines: Option<u64>,
    /// Lines in one second.
    pub(crate) max_lines_per_second: Option<u64>,
}

/// Counts the lines of a run and decides which to log.
#[derive(Debug)]
pub(crate) struct OutputMeter {
    limits: OutputLimits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lines: u64,
    second_began: Option<Instant>,
    lines_this_second: u64,
    /// Lines over the limit of this second.
    skipped_this_second: Skipped,
    /// Lines over the limit of the run.
    skipped: Skipped,
    open_streams: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Skipped {
    lines: u64,
    bytes: u64,
}

impl Skipped {
    fn add(&mut self, bytes: usize) {
        self.lines += 1;
        // Including the line break.
        self.bytes += bytes as u64 + 1;
    }

    fn take(&mut self) -> Option<Self> {
        let taken = std::mem::take(self);
        (taken.lines > 0).then_some(taken)
    }
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = if self.lines == 1 { "line" } else { "lines" };
        write!(f, "{} {lines} of output ({} bytes)", self.lines, self.bytes)
    }
}

impl OutputMeter {
    pub(crate) fn new(limits: OutputLimits, streams: usize) -> Self {
        let state = State {
            lines: 0,
            second_began: None,
            lines_this_second: 0,
            skipped_this_second: Skipped::default(),
            skipped: Skipped::default(),
            open_streams: streams,
        };
        Self { limits, state: Mutex::new(state) }
    }

    /// Counts a line. Returns whether to log it, and calls `note` with a message to log first.
    pub(crate) fn admit(&self, bytes: usize, now: Instant, note: impl FnOnce(&str)) -> bool {
        let mut state = self.state();
        let count = 1 + (bytes.saturating_sub(1) / BYTES_PER_LINE) as u64;
        let over =
            |limit: Option<u64>, lines: u64| limit.is_some_and(|limit| lines + count > limit);
        let second_has_ended =
            state.second_began.is_none_or(|began| now.saturating_duration_since(began) >= SECOND);
        let mut text = None;
        if second_has_ended {
            text =
                state.skipped_this_second.take().map(|skipped| self.skipped_in_a_second(skipped));
            state.second_began = Some(now);
            state.lines_this_second = 0;
        }
        let admitted = if over(self.limits.max_lines, state.lines) {
            if state.skipped == Skipped::default() {
                let limit = self.limits.max_lines.unwrap_or_default();
                let first = format!("output exceeds {limit} lines, the rest is not logged");
                text = Some(text.map_or_else(|| first.clone(), |text| format!("{text}; {first}")));
            }
            state.skipped.add(bytes);
            false
        } else if over(self.limits.max_lines_per_second, state.lines_this_second) {
            state.skipped_this_second.add(bytes);
            false
        } else {
            state.lines += count;
            state.lines_this_second += count;
            true
        };
        drop(state);
        if let Some(text) = text {
            note(&text);
        }
        admitted
    }

    /// Notes the end of a stream. After the last one, calls `note` with the number of skipped lines.
    pub(crate) fn stream_ended(&self, mut note: impl FnMut(&str)) {
        let mut state = self.state();
        state.open_streams = state.open_streams.saturating_sub(1);
        if state.open_streams > 0 {
            return;
        }
        let in_a_second = state.skipped_this_second.take();
        let in_all = state.skipped.take();
        drop(state);
        if let Some(skipped) = in_a_second {
            note(&self.skipped_in_a_second(skipped));
        }
        if let Some(skipped) = in_all {
            let limit = self.limits.max_lines.unwrap_or_default();
            note(&format!("skipped {skipped}: more than {limit} lines in one run"));
        }
    }

    fn skipped_in_a_second(&self, skipped: Skipped) -> String {
        let limit = self.limits.max_lines_per_second.unwrap_or_default();
        format!("skipped {skipped}: more than {limit} lines in one second")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(max_lines: Option<u64>, max_lines_per_second: Option<u64>) -> OutputMeter {
        OutputMeter::new(OutputLimits { max_lines, max_lines_per_second }, 1)
    }

    /// Passes `lines` lines of `bytes` bytes to the meter. Returns how many were admitted, and the notes.
    fn print(
        meter: &OutputMeter,
        lines: usize,
        bytes: usize,
        now: Instant,
    ) -> (usize, Vec<String>) {
        let mut notes = Vec::new();
        let admitted = (0..lines)
            .filter(|_| meter.admit(bytes, now, |note| notes.push(note.to_owned())))
            .count();
        (admitted, notes)
    }

    fn end(meter: &OutputMeter) -> Vec<String> {
        let mut notes = Vec::new();
        meter.stream_ended(|note| notes.push(note.to_owned()));
        notes
    }

    #[test]
    fn lines_over_the_limit_of_a_second_are_reported_in_the_next_one() {
        let meter = meter(None, Some(10));
        let begin = Instant::now();
        assert_eq!(print(&meter, 25, 3, begin), (10, vec![]));
        let (admitted, notes) = print(&meter, 1, 3, begin + SECOND);
        assert_eq!(admitted, 1);
        assert_eq!(
            notes,
            ["skipped 15 lines of output (60 bytes): more than 10 lines in one second"]
        );
        assert!(end(&meter).is_empty());
    }

    #[test]
    fn lines_over_the_limit_of_a_run_are_reported_at_once_and_at_the_end() {
        let meter = meter(Some(10), None);
        let now = Instant::now();
        let (admitted, notes) = print(&meter, 1000, 9, now);
        assert_eq!(admitted, 10);
        assert_eq!(notes, ["output exceeds 10 lines, the rest is not logged"]);
        assert_eq!(
            end(&meter),
            ["skipped 990 lines of output (9900 bytes): more than 10 lines in one run"]
        );
    }

    #[test]
    fn a_long_line_counts_as_several() {
        let limited = meter(Some(8), None);
        let now = Instant::now();
        assert_eq!(print(&limited, 1, 8 * 1024, now).0, 1);
        assert_eq!(print(&limited, 1, 1, now).0, 0);
        assert_eq!(end(&limited).len(), 1);
        let without = meter(None, None);
        assert_eq!(print(&without, 100_000, 8 * 1024, now), (100_000, vec![]));
        assert!(end(&without).is_empty());
    }

    #[test]
    fn skipped_lines_are_reported_after_the_last_stream() {
        let limits = OutputLimits { max_lines: Some(0), max_lines_per_second: None };
        let meter = OutputMeter::new(limits, 2);
        print(&meter, 1, 1, Instant::now());
        assert!(end(&meter).is_empty());
        assert_eq!(
            end(&meter),
            ["skipped 1 line of output (2 bytes): more than 0 lines in one run"]
        );
    }
}
