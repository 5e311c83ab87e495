//! Format, lints, docs, and each feature alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::circles;
use crate::command::{self, cargo};
use crate::libraries;

pub(crate) fn run() -> Result<()> {
    command::run(cargo().args(["fmt", "--all", "--check"]))?;
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
    // What a feature needs must come with it: each is built without the others, and none of them. Not with
    // `--no-dev-deps`, which takes them out of the manifests meanwhile; the resolver leaves them alone by itself.
    command::run(
        cargo()
            .args(["hack", "check", "--package", "apscheduler", "--each-feature"])
            .env("RUSTFLAGS", "-D warnings"),
    )
}

/// Checks all packages for circles of imports.
pub(crate) fn circles() -> Result<()> {
    circles::check(&packages()?)
}

/// The folders of the packages of the workspace.
fn packages() -> Result<Vec<PathBuf>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("can't run `cargo metadata`")?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("can't read the metadata")?;
    let packages = metadata["packages"].as_array().context("the metadata has no packages")?;
    let manifests = packages.iter().filter_map(|package| package["manifest_path"].as_str());
    Ok(manifests.filter_map(|path| Path::new(path).parent()).map(Path::to_owned).collect())
}

fn has_cargo_hack() -> bool {
    Command::new("cargo-hack")
        .args(["hack", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
