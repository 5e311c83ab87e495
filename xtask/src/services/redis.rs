//! Redis.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::debian::require;
use super::process::{Durability, Server, answers, free_port};

pub(crate) fn start(folder: &Path, durability: Durability) -> Result<Server> {
    require("redis-server", &["redis-server"])?;
    std::fs::create_dir_all(folder)?;
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", ""]);
    match durability {
        Durability::None => command.args(["--appendonly", "no"]),
        Durability::Process => command.args(["--appendonly", "yes", "--appendfsync", "always"]),
    };
    command.arg("--port");
    command.arg(port.to_string()).arg("--dir").arg(folder);
    let url = format!("redis://127.0.0.1:{port}/0");
    Server::start(command, folder, url, move || answers(port, b"PING\r\n", b"PONG"))
}
