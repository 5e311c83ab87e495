//! What a run of `cargo test` tells: of a target that passed its result, of one that failed all that it printed, and at
//! the end once more what failed and why. A log that is cut still holds the reason in its last lines.

use std::io::{BufRead as _, BufReader, Read, Write};

use anyhow::Result;

/// What is known of the targets so far.
#[derive(Debug, Default)]
struct Report {
    /// The target that runs, all that it printed. Before the first one cargo builds.
    current: Option<Vec<String>>,
    /// What the failed targets printed, from the list of failures on.
    failed: Vec<String>,
}

/// Reads what `cargo test` prints until it ends, and tells the essence of it.
pub(super) fn tell(from: impl Read, to: &mut impl Write) -> Result<()> {
    let mut report = Report::default();
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(b'\n', &mut bytes)? > 0 {
        // What a test prints need not be text.
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
            writeln!(to, "\nWhat failed, once more:\n")?;
        }
        for line in &self.failed {
            writeln!(to, "{line}")?;
        }
        Ok(())
    }
}

/// Cargo's line in front of what a target prints.
fn begins_target(line: &str) -> bool {
    line.starts_with("     Running ") || line.starts_with("   Doc-tests ")
}

/// Cargo's line behind what a target printed that failed.
fn fails_target(line: &str) -> bool {
    line.starts_with("error: ") && line.contains("failed, to rerun pass")
}

/// Cargo's last words, a list of the targets that failed.
fn summarizes(line: &str) -> bool {
    line.starts_with("error: ")
        && (line.ends_with("target failed:") || line.ends_with("targets failed:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(printed: &str) -> String {
        let mut told = Vec::new();
        tell(printed.as_bytes(), &mut told).unwrap();
        String::from_utf8(told).unwrap()
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
    fn of_what_passed_the_result_is_told() {
        let expected = format!(
            "{BUILT}     Running unittests src/lib.rs (target/debug/deps/core-1)\ntest result: ok. 1 passed; 0 failed\n"
        );
        assert_eq!(told(&format!("{BUILT}{PASSED}")), expected);
    }

    #[test]
    fn what_failed_is_told_whole_and_once_more_at_the_end() {
        let told = told(&format!(
            "{BUILT}{FAILED}{PASSED}error: 1 target failed:\n    `-p core --test b`\n"
        ));
        assert!(told.contains(FAILED), "{told}");
        let (_, end) =
            told.split_once("error: 1 target failed:\n    `-p core --test b`\n").unwrap();
        assert!(end.contains("---- b stdout ----\nb is wrong\n"), "{end}");
        assert!(!end.contains("running 1 test"), "{end}");
    }

    #[test]
    fn a_target_that_ends_without_a_result_has_failed() {
        let told = told(&format!("{ABORTED}{PASSED}"));
        assert_eq!(told.matches("memory is corrupt").count(), 2, "{told}");
    }

    #[test]
    fn what_is_no_text_is_told_too() {
        let mut told = Vec::new();
        tell(&b"   Compiling \xff\n"[..], &mut told).unwrap();
        assert_eq!(String::from_utf8(told).unwrap(), "   Compiling \u{fffd}\n");
    }
}
