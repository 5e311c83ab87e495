//! PostgreSQL, which refuses to run as root.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::{Durability, Options, Server, folder_of, free_port};
use crate::command::run;
use crate::debian::require;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    require(&format!("{PROGRAMS}/postgres"), &["postgresql-15"])?;
    folder_of(folder, "postgres")?;
    let data = folder.join("data");
    run(as_postgres("initdb")
        .arg("-D")
        .arg(&data)
        .args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"])
        .stdout(std::process::Stdio::null()))?;
    let port = free_port()?;
    let mut command = as_postgres("postgres");
    command.arg("-D").arg(&data).arg("-k").arg(folder);
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "max_connections=200"]);
    command.arg("-c").arg("ssl=on");
    let setting = |name: &str, file: &Path| format!("{name}={}", file.display());
    let certificates = &options.certificates;
    command.arg("-c").arg(setting("ssl_cert_file", &certificates.certificate()));
    command.arg("-c").arg(setting("ssl_key_file", &certificates.key_of("postgres")?));
    // Written data survives a kill of the process without a sync, and the folder is thrown away.
    command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
    if options.durability == Durability::None {
        command.args(["-c", "synchronous_commit=off"]);
    }
    let url = format!("postgresql://postgres@127.0.0.1:{port}/postgres");
    Server::start(command, folder, url, move || {
        Command::new(format!("{PROGRAMS}/pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// Runs a program as another user. `setpriv` executes the program in its own process, so killing it kills the server.
fn as_postgres(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "KILL"]);
    command.arg(format!("{PROGRAMS}/{program}"));
    command
}
