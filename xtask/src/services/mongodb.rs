//! A server that speaks MongoDB's wire protocol. No package registry has MongoDB itself, so a stand-in that Python's has, made
//! of the same storage engine, is started unless `APSCHEDULER_TEST_MONGODB` names a real one.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::{Durability, Options, Server, connects, free_port};
use crate::python;

const PACKAGE: &str = "secantusdb==0.7.0b3";

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    let program = python::environment("mongodb", &[PACKAGE])?.join("secantusd-py");
    std::fs::create_dir_all(folder)?;
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--storage-path"]);
    command.arg(folder.join("data"));
    if options.durability == Durability::Process {
        // It keeps what it confirmed in a buffer of its own for some time, also what MongoDB would have in its journal.
        command.arg("--sync-on-commit");
    }
    let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
    Server::start(command, folder, url, move || connects(port))
}
