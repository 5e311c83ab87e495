//! etcd.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::process::{Durability, Options, Server, answers, free_port};
use crate::debian::require;

/// A file system in memory. etcd waits for the disk after each write, and can't be told not to.
const MEMORY: &str = "/dev/shm";

pub(crate) fn start(folder: &Path, options: &Options) -> Result<Server> {
    require("etcd", &["etcd-server"])?;
    std::fs::create_dir_all(folder)?;
    let data = data_folder(folder, options.durability);
    let [port, tls_port, peer_port] = [free_port()?, free_port()?, free_port()?];
    let url = format!("http://127.0.0.1:{port}");
    let tls_url = format!("https://localhost:{tls_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let certificates = &options.certificates;
    let mut command = Command::new("etcd");
    command.arg("--data-dir").arg(&data);
    // It listens on addresses without names.
    let listen = format!("{url},https://127.0.0.1:{tls_port}");
    command.args(["--listen-client-urls", &listen, "--advertise-client-urls", &url]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("default={peer}"), "--log-level", "error"]);
    // Otherwise it keeps the last 100,000 requests in memory, and what was deleted for good.
    command.args(["--snapshot-count", "5000"]);
    command.args(["--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1m"]);
    command.arg("--cert-file").arg(certificates.certificate());
    command.arg("--key-file").arg(certificates.key());
    let question = b"GET /health HTTP/1.0\r\n\r\n";
    let ready = move || answers(port, question, b"200 OK");
    let mut server = Server::start(command, folder, url, ready)?;
    server.tls_url = Some(tls_url);
    if data != folder.join("data") {
        server.data = Some(data);
    }
    Ok(server)
}

/// Returns where the server keeps its data: in memory, unless it has to survive the machine. What is there survives a kill
/// of the process too.
fn data_folder(folder: &Path, durability: Durability) -> PathBuf {
    let memory = Path::new(MEMORY);
    if durability == Durability::None && memory.is_dir() {
        let name = format!("apscheduler-etcd-{}", std::process::id());
        return memory.join(name);
    }
    folder.join("data")
}
