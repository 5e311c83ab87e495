//! MariaDB.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::process::{Durability, Options, Server, connects, folder_of, free_port};
use crate::command::run;
use crate::debian::require;

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    require("mariadbd", &["mariadb-server"])?;
    folder_of(folder, "mysql")?;
    let data = folder.join("data");
    run(Command::new("mariadb-install-db")
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .args(["--user=mysql", &format!("--datadir={}", data.display())])
        .stdout(Stdio::null()))?;
    let port = free_port()?;
    let mut command = Command::new("mariadbd");
    command
        .args(["--no-defaults", "--user=mysql", "--bind-address=127.0.0.1", "--skip-log-bin"])
        .arg(match options.durability {
            Durability::None => "--innodb-flush-log-at-trx-commit=0",
            // Written at each commit, and synced once a second.
            Durability::Process => "--innodb-flush-log-at-trx-commit=2",
        })
        .arg("--innodb-buffer-pool-size=64M")
        .args(["--max-connections=500", &format!("--port={port}")])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", folder.join("s.sock").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()));
    let certificates = &options.certificates;
    command
        .arg(format!("--ssl-cert={}", certificates.certificate().display()))
        .arg(format!("--ssl-key={}", certificates.key_of("mysql")?.display()));
    let url = format!("mysql://root@127.0.0.1:{port}/apscheduler");
    let server = Server::start(command, folder, url, move || connects(port))?;
    run(Command::new("mariadb")
        .args(["--no-defaults", "-h", "127.0.0.1", "-P", &port.to_string(), "-u", "root", "-e"])
        .arg("CREATE DATABASE apscheduler CHARACTER SET utf8mb4"))?;
    Ok(server)
}
