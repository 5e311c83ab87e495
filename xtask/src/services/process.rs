//! A server process of ours.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Dropping it stops the process and removes its folder.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl Server {
    /// Starts a server that logs into its folder, and waits until `ready` says so.
    pub(crate) fn start(
        command: &mut Command,
        folder: &Path,
        url: String,
        ready: impl Fn() -> bool,
    ) -> Result<Self> {
        let log_path = folder.join("log");
        let log = File::create(&log_path)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("can't start {}", command.get_program().display()))?;
        let mut server = Self { child, folder: folder.to_owned(), url };
        let begin = Instant::now();
        while !ready() {
            if let Some(status) = server.child.try_wait()? {
                bail!("it ended: {status}\n{}", tail(&log_path));
            }
            if begin.elapsed() > PATIENCE {
                bail!("it does not answer after {} s\n{}", PATIENCE.as_secs(), tail(&log_path));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // These folders hold nothing that is worth a clean shutdown.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether a server takes connections.
pub(crate) fn connects(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether a server answers `question` with something that holds `answer`.
pub(crate) fn answers(port: u16, question: &[u8], answer: &[u8]) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut buffer = [0; 256];
    stream.write_all(question).is_ok()
        && stream
            .read(&mut buffer)
            .is_ok_and(|read| buffer[..read].windows(answer.len()).any(|window| window == answer))
}

/// An empty folder that belongs to a user.
pub(crate) fn folder_of(folder: &Path, user: &str) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    crate::command::run(Command::new("chown").arg(user).arg(folder))
}
