//! A server with MongoDB's wire protocol: a substitute from `PyPI` with the same storage engine, because no package registry
//! has MongoDB itself. `APSCHEDULER_TEST_MONGODB` can name a real one.

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
        // Without it, confirmed writes stay in a buffer of the process for some time, even journaled ones.
        command.arg("--sync-on-commit");
    }
    let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
    Server::start(command, folder, url, move || connects(port))
}
