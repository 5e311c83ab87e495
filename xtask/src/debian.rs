//! Installs missing packages, on Debian and as root.

use std::path::Path;
use std::process::Command;
use std::sync::Once;

use anyhow::{Result, bail};

use crate::command::run;

/// Runs `apt-get update` once.
static UPDATE: Once = Once::new();

/// Installs these packages unless the program exists.
pub(crate) fn require(program: &str, packages: &[&str]) -> Result<()> {
    install_unless(|| is_there(program), program, packages)
}

/// Installs these packages unless pkg-config finds the library.
pub(crate) fn require_library(library: &str, packages: &[&str]) -> Result<()> {
    require("pkg-config", &["pkg-config"])?;
    let is_there = || {
        let status = Command::new("pkg-config").args(["--exists", library]).status();
        status.is_ok_and(|status| status.success())
    };
    install_unless(is_there, library, packages)
}

/// Installs packages unless `is_there` returns `true`.
///
/// # Errors
/// If this is not Debian; if `is_there` still returns `false` after the installation.
pub(crate) fn install_unless(
    is_there: impl Fn() -> bool,
    what: &str,
    packages: &[&str],
) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "`{what}` is missing; on Debian the packages {} would be installed",
            packages.join(", ")
        );
    }
    let mut updated = Ok(());
    UPDATE.call_once(|| updated = run(Command::new("apt-get").args(["update", "-q"])));
    updated?;
    run(Command::new("apt-get")
        .args(["install", "-q", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    if !is_there() {
        bail!("`{what}` is still missing after the installation of {}", packages.join(", "));
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).exists();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).exists())
}
