//! A server process.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::certificates::Certificates;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether confirmed writes survive a kill of the server. Tests that throw the data away don't need that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    None,
    Process,
}

/// The options of a server.
pub(crate) struct Options {
    pub(crate) durability: Durability,
    pub(crate) certificates: Certificates,
}

/// A running server. Dropping it stops the process and removes its folder.
pub(crate) struct Server {
    command: Command,
    child: Child,
    folder: PathBuf,
    url: String,
    ready: Box<dyn Fn() -> bool>,
    /// A folder with its data, if that is elsewhere. It is removed too.
    pub(crate) data: Option<PathBuf>,
    /// The URL for TLS connections, if it differs.
    pub(crate) tls_url: Option<String>,
}

impl Server {
    /// Starts a server with its log in the folder, and waits until `ready` returns `true`.
    pub(crate) fn start(
        mut command: Command,
        folder: &Path,
        url: String,
        ready: impl Fn() -> bool + 'static,
    ) -> Result<Self> {
        let log = File::create(folder.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = spawn(&mut command)?;
        let (folder, ready) = (folder.to_owned(), Box::new(ready));
        let mut server = Self { command, child, folder, url, ready, data: None, tls_url: None };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let log = self.folder.join("log");
        let begin = Instant::now();
        while !(self.ready)() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended: {status}\n{}", tail(&log));
            }
            if begin.elapsed() > PATIENCE {
                bail!("the server does not answer after {} s\n{}", PATIENCE.as_secs(), tail(&log));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after a [`kill`](Self::kill), with its data.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.child = spawn(&mut self.command)?;
        self.wait_until_ready()
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The data is thrown away, so a clean shutdown is not needed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some(data) = &self.data {
            let _ = std::fs::remove_dir_all(data);
        }
    }
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| format!("can't start {}", command.get_program().display()))
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Returns a port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether a server accepts connections.
pub(crate) fn connects(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether a server responds to `question` with bytes that contain `answer`.
pub(crate) fn answers(port: u16, question: &[u8], answer: &[u8]) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut buffer = [0; 256];
    stream.write_all(question).is_ok()
        && stream
            .read(&mut buffer)
            .is_ok_and(|read| buffer[..read].windows(answer.len()).any(|window| window == answer))
}

/// Creates a folder that belongs to this user.
pub(crate) fn folder_of(folder: &Path, user: &str) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    crate::command::run(Command::new("chown").arg(user).arg(folder))
}
