//! Runs programs, and prints each command line.

use std::io::PipeReader;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// Returns the cargo that runs this task.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command, and prints it and how long it took.
///
/// # Errors
/// If the command can't be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    timed(command, |command, text| command.status().with_context(|| format!("can't run `{text}`")))
}

/// Runs a command like [`run`], but passes its output to `reader`: both streams, in the order in which they are written.
pub(crate) fn read(
    command: &mut Command,
    reader: impl FnOnce(PipeReader) -> Result<()>,
) -> Result<()> {
    timed(command, |command, text| {
        let (printed, stdout) = std::io::pipe()?;
        let stderr = stdout.try_clone()?;
        let child = command.stdout(stdout).stderr(stderr).spawn();
        // The pipe ends when all copies of its write end are closed, including those in `command`.
        command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        let mut child = child.with_context(|| format!("can't run `{text}`"))?;
        reader(printed)?;
        Ok(child.wait()?)
    })
}

fn timed(
    command: &mut Command,
    run: impl FnOnce(&mut Command, &str) -> Result<ExitStatus>,
) -> Result<()> {
    let text = describe(command);
    eprintln!("$ {text}");
    let begin = Instant::now();
    let status = run(command, &text)?;
    if !status.success() {
        bail!("`{text}` failed: {status}");
    }
    eprintln!("  took {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a command without printing it.
///
/// # Errors
/// If the command can't be started or fails.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("can't run `{}`", describe(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", describe(command));
    }
    Ok(())
}

/// Returns the folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from)
}

fn describe(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={} ", name.display(), value?.display())));
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = command.get_args().map(|word| format!(" {}", word.display()));
    variables.chain([name.display().to_string()]).chain(words).collect()
}
