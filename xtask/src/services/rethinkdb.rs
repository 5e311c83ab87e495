//! A server with RethinkDB's protocol: the peer in the testkit, because no package registry has RethinkDB itself.
//! `APSCHEDULER_TEST_RETHINKDB` can name a real one.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::{Durability, Options, Server, connects, free_port};
use crate::command::{cargo, run, target};

/// The official driver, which checks the server.
pub(crate) const DRIVER: &str = "rethinkdb==2.4.10.post1";

const EXAMPLE: &str = "rethinkdb_peer";

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    let mut build = cargo();
    build.args(["build", "-q", "-p", "apscheduler-testkit", "--features", "rethinkdb"]);
    run(build.args(["--example", EXAMPLE]))?;
    std::fs::create_dir_all(folder)?;
    let (port, tls_port) = (free_port()?, free_port()?);
    let mut command = Command::new(target().join("debug/examples").join(EXAMPLE));
    command.args([&port.to_string(), "--tls", &tls_port.to_string()]);
    command.arg(options.certificates.certificate()).arg(options.certificates.key());
    if options.durability == Durability::Process {
        command.arg("--data").arg(folder.join("data"));
    }
    let url = format!("rethinkdb://127.0.0.1:{port}");
    let mut server = Server::start(command, folder, url, move || connects(port))?;
    server.tls_url = Some(format!("rethinkdb://localhost:{tls_port}"));
    Ok(server)
}
