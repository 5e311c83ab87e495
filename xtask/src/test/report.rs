//! Summarizes the output of `cargo test`: the result of each target that passed, the whole output of each one that failed,
//! and all failures again at the end, so that the last lines of a truncated log contain the reason.

use std::io::{BufRead as _, BufReader, Read, Write};

use anyhow::Result;

/// The state of the summary.
#[derive(Debug, Default)]
struct Report {
    /// The output of the current target; `None` while cargo builds.
    current: Option<Vec<String>>,
    /// The output of the failed targets, from their list of failures on.
    failed: Vec<String>,
}

/// Reads the output of `cargo test` to its end, and writes the summary.
pub(super) fn summarize(from: impl Read, to: &mut impl Write) -> Result<()> {
    let mut report = Report::default();
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(b'\n', &mut bytes)? > 0 {
        // The output of a test may be invalid UTF-8.
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        report.line(line, to)?;
    }
    report.end(to)
}

impl Report {
    fn line(&mut self, line: String, to: &mut impl Write) -> Result<()> {
        if begins_target(&line) || summarizes(&line) {
            self.end_target(to)?;
            writeln!(to, "{line}")?;
            self.current = begins_target(&line).then(Vec::new);
            return Ok(());
        }
        match &mut self.current {
            Some(printed) => printed.push(line),
            None => writeln!(to, "{line}")?,
        }
        Ok(())
    }

    fn end_target(&mut self, to: &mut impl Write) -> Result<()> {
        let Some(printed) = self.current.take() else { return Ok(()) };
        if printed.iter().any(|line| fails_target(line)) {
            for line in &printed {
                writeln!(to, "{line}")?;
            }
            let failures = printed.iter().position(|line| line == "failures:").unwrap_or_default();
            self.failed.extend(printed.into_iter().skip(failures));
        } else {
            for result in printed.iter().filter(|line| line.starts_with("test result: ")) {
                writeln!(to, "{result}")?;
            }
        }
        Ok(())
    }

    fn end(mut self, to: &mut impl Write) -> Result<()> {
        self.end_target(to)?;
        if !self.failed.is_empty() {
            writeln!(to, "\nAll failures again:\n")?;
        }
        for line in &self.failed {
            writeln!(to, "{line}")?;
        }
        Ok(())
    }
}

/// Whether this is cargo's line before the output of a target.
fn begins_target(line: &str) -> bool {
    line.starts_with("     Running ") || line.starts_with("   Doc-tests ")
}

/// Whether this is cargo's line after the output of a failed target.
fn fails_target(line: &str) -> bool {
    line.starts_with("error: ") && line.contains("failed, to rerun pass")
}

/// Whether this line begins cargo's list of failed targets.
fn summarizes(line: &str) -> bool {
    line.starts_with("error: ")
        && (line.ends_with("target failed:") || line.ends_with("targets failed:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(printed: &str) -> String {
        let mut summary = Vec::new();
        summarize(printed.as_bytes(), &mut summary).unwrap();
        String::from_utf8(summary).unwrap()
    }

    const BUILT: &str = "   Compiling core v0.1.0\n    Finished `test` profile\n";
    const PASSED: &str = "     Running unittests src/lib.rs (target/debug/deps/core-1)\n\nrunning 1 test\nnoise\n\
                          test a ... ok\n\ntest result: ok. 1 passed; 0 failed\n\n";
    const FAILED: &str = "     Running tests/b.rs (target/debug/deps/b-2)\n\nrunning 1 test\ntest b ... FAILED\n\n\
                          failures:\n\n---- b stdout ----\nb is wrong\n\ntest result: FAILED. 0 passed; 1 failed\n\n\
                          error: test failed, to rerun pass `-p core --test b`\n";
    const ABORTED: &str = "     Running tests/c.rs (target/debug/deps/c-3)\n\nrunning 1 test\nmemory is corrupt\n\
                           error: test failed, to rerun pass `-p core --test c`\n";

    #[test]
    fn a_passed_target_shows_its_result_only() {
        let expected = format!(
            "{BUILT}     Running unittests src/lib.rs (target/debug/deps/core-1)\ntest result: ok. 1 passed; 0 failed\n"
        );
        assert_eq!(summary(&format!("{BUILT}{PASSED}")), expected);
    }

    #[test]
    fn a_failed_target_shows_its_output_and_its_failures_again_at_the_end() {
        let text = summary(&format!(
            "{BUILT}{FAILED}{PASSED}error: 1 target failed:\n    `-p core --test b`\n"
        ));
        assert!(text.contains(FAILED), "{text}");
        let (_, end) =
            text.split_once("error: 1 target failed:\n    `-p core --test b`\n").unwrap();
        assert!(end.contains("---- b stdout ----\nb is wrong\n"), "{end}");
        assert!(!end.contains("running 1 test"), "{end}");
    }

    #[test]
    fn a_target_that_ends_without_a_result_is_a_failure() {
        let text = summary(&format!("{ABORTED}{PASSED}"));
        assert_eq!(text.matches("memory is corrupt").count(), 2, "{text}");
    }

    #[test]
    fn invalid_utf8_is_shown_with_replacement_characters() {
        let mut text = Vec::new();
        summarize(&b"   Compiling \xff\n"[..], &mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "   Compiling \u{fffd}\n");
    }
}
