//! Format, lints, docs, and each feature alone.

use std::process::{Command, Stdio};

use anyhow::Result;

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

fn has_cargo_hack() -> bool {
    Command::new("cargo-hack")
        .args(["hack", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
