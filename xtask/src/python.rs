//! Programs from `PyPI`, each in a virtual environment in the build folder.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command::{run, target};
use crate::debian::install_unless;

/// Returns the folder of the programs of an environment with these packages. Installs them if the environment is missing or
/// has other packages.
pub(crate) fn environment(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let environment = target().join("services").join(name);
    let installed = environment.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        let quiet = |command: &mut Command| run(command.stdout(Stdio::null()));
        quiet(Command::new(interpreter()?).args(["-m", "venv", "--clear"]).arg(&environment))
            .context("can't create a virtual environment of Python")?;
        quiet(Command::new(environment.join("bin/pip")).args(["install", "-q"]).args(packages))?;
        std::fs::write(&installed, wanted)?;
    }
    Ok(environment.join("bin"))
}

const DEBIAN: &str = "/usr/bin/python3";

/// Returns a Python that can create environments. Debian's needs an extra package for that.
fn interpreter() -> Result<&'static str> {
    let is_whole = |python: &str| {
        let modules = Command::new(python).args(["-c", "import ensurepip, venv"]).output();
        modules.is_ok_and(|output| output.status.success())
    };
    if is_whole("python3") {
        return Ok("python3");
    }
    install_unless(|| is_whole(DEBIAN), "python3 -m venv", &["python3", "python3-venv"])?;
    Ok(DEBIAN)
}
