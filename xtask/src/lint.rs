//! Checks the format, lints, docs, each feature alone, packaging, and circles of imports.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::command::{self, cargo};
use crate::{circles, libraries, packaging, workspace};

pub(crate) fn run() -> Result<()> {
    command::run(cargo().args(["fmt", "--all", "--check"]))?;
    let packages = workspace::packages()?;
    packaging::check(&packages)?;
    libraries::require_for(&[])?;
    command::run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    command::run(
        cargo()
            .args(["doc", "--workspace", "--all-features", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    if !has_cargo_hack() {
        command::run(cargo().args(["install", "--locked", "cargo-hack"]))?;
    }
    // Builds the facade with each feature alone, and with none: a feature must enable everything that it needs. Not with
    // `--no-dev-deps`, which edits the manifests while it runs; the resolver ignores dev-dependencies here anyway.
    command::run(
        cargo()
            .args(["hack", "check", "--package", "apscheduler", "--each-feature"])
            .env("RUSTFLAGS", "-D warnings"),
    )?;
    check_circles(&packages)
}

/// Checks all packages for circles of imports.
pub(crate) fn circles() -> Result<()> {
    check_circles(&workspace::packages()?)
}

fn check_circles(packages: &[workspace::Package]) -> Result<()> {
    let folders: Vec<PathBuf> = packages.iter().map(|package| package.folder.clone()).collect();
    circles::check(&folders)
}

fn has_cargo_hack() -> bool {
    Command::new("cargo-hack")
        .args(["hack", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
