//! Progress of long work, on standard error if it is a terminal.

use std::fmt::Display;
use std::io::Read;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the line is drawn again.
const INTERVAL: Duration = Duration::from_millis(100);

/// A line that says how far the work is. It disappears when this is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins to show progress, unless the output is for a program (`json`).
    pub(crate) fn new(what: &'static str, json: bool) -> Self {
        // On anything but a terminal, it draws nothing.
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style("{spinner} {msg} {elapsed:.dim}"));
        bar.set_message(what);
        bar.tick();
        bar.enable_steady_tick(INTERVAL);
        Self(bar)
    }

    /// Says what was done so far.
    pub(crate) fn done(&self, what: impl Display) {
        self.0.set_message(what.to_string());
    }

    /// Counts what is read. `size` is how many bytes there are, if that is known.
    pub(crate) fn reading<R: Read>(&self, input: R, size: Option<u64>) -> impl Read + use<R> {
        match size {
            Some(size) => {
                self.0.set_style(style("{spinner} {msg} [{bar:30}] {bytes} of {total_bytes}"));
                self.0.set_length(size);
            }
            None => self.0.set_style(style("{spinner} {msg} {bytes}")),
        }
        self.0.wrap_read(input)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        for template in [
            "{spinner} {msg} {elapsed:.dim}",
            "{spinner} {msg} [{bar:30}] {bytes} of {total_bytes}",
            "{spinner} {msg} {bytes}",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
