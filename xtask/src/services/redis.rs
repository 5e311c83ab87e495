//! Redis.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::debian::require;
use super::process::{Server, answers, free_port};

pub(crate) fn start(folder: &Path) -> Result<Server> {
    require("redis-server", &["redis-server"])?;
    std::fs::create_dir_all(folder)?;
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
    command.arg(port.to_string()).arg("--dir").arg(folder);
    let url = format!("redis://127.0.0.1:{port}/0");
    Server::start(&mut command, folder, url, || answers(port, b"PING\r\n", b"PONG"))
}
