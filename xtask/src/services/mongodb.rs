//! A server that speaks MongoDB's wire protocol. No package registry has MongoDB itself, so a stand-in that Python's has, made
//! of the same storage engine, is started unless `APSCHEDULER_TEST_MONGODB` names a real one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::process::{Options, Server, connects, free_port};
use crate::command::{run, target};
use crate::debian::require;

const PACKAGE: &str = "secantusdb==0.7.0b3";

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    // It has no way to write less than that.
    let _ = options;
    let program = install()?;
    std::fs::create_dir_all(folder)?;
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--storage-path"]);
    command.arg(folder.join("data"));
    let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
    Server::start(command, folder, url, move || connects(port))
}

/// Installs it into a virtual environment of the build folder, once.
fn install() -> Result<PathBuf> {
    let environment = target().join("services/mongodb");
    let program = environment.join("bin/secantusd-py");
    if !program.exists() {
        require("python3", &["python3", "python3-venv"])?;
        std::fs::create_dir_all(&environment)?;
        let quiet = |command: &mut Command| run(command.stdout(Stdio::null()));
        quiet(Command::new("python3").args(["-m", "venv"]).arg(&environment))
            .context("can't make a virtual environment of Python")?;
        quiet(Command::new(environment.join("bin/pip")).args(["install", "-q", PACKAGE]))?;
    }
    Ok(program)
}
