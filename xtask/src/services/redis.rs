//! Redis.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::{Durability, Options, Server, answers, free_port};
use crate::debian::require;

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    require("redis-server", &["redis-server"])?;
    std::fs::create_dir_all(folder)?;
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", ""]);
    match options.durability {
        Durability::None => command.args(["--appendonly", "no"]),
        Durability::Process => command.args(["--appendonly", "yes", "--appendfsync", "always"]),
    };
    let tls_port = free_port()?;
    let certificates = &options.certificates;
    command.args(["--port", &port.to_string(), "--tls-port", &tls_port.to_string()]);
    command.arg("--tls-cert-file").arg(certificates.certificate());
    command.arg("--tls-key-file").arg(certificates.key());
    command.arg("--tls-ca-cert-file").arg(certificates.authority());
    command.args(["--tls-auth-clients", "no"]).arg("--dir").arg(folder);
    let url = format!("redis://127.0.0.1:{port}/0");
    let ready = move || answers(port, b"PING\r\n", b"PONG");
    let mut server = Server::start(command, folder, url, ready)?;
    server.tls_url = Some(format!("rediss://localhost:{tls_port}/0"));
    Ok(server)
}
