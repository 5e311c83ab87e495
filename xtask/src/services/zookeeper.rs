//! `ZooKeeper`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::{Durability, Options, Server, answers, free_port};
use crate::debian::require;

/// Where Debian installs the server.
const LIBRARY: &str = "/usr/share/java/zookeeper.jar";

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    require(LIBRARY, &["zookeeper"])?;
    require("java", &["openjdk-17-jre-headless"])?;
    std::fs::create_dir_all(folder)?;
    let port = free_port()?;
    let config = folder.join("zoo.cfg");
    let text = format!(
        "tickTime=500\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n\
         4lw.commands.whitelist=*\nmaxClientCnxns=0\nminSessionTimeout=500\n",
        folder.join("data").display()
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new("java");
    command.arg("-Xmx768m").args(match options.durability {
        Durability::None => ["-Dzookeeper.forceSync=no"],
        // What is confirmed is on the disk.
        Durability::Process => ["-Dzookeeper.forceSync=yes"],
    });
    // The folder is where the library looks for the configuration of a log.
    command.arg("-cp").arg(format!("{}:{LIBRARY}", folder.display()));
    command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(config);
    // It says `imok` as soon as it listens, also before it serves requests.
    let ready = move || answers(port, b"srvr", b"Mode: ");
    Server::start(command, folder, format!("127.0.0.1:{port}"), ready)
}
