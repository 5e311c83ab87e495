//! A running server.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Program {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    url: String,
    agent: ureq::Agent,
}

impl Program {
    /// Starts the server on a free port.
    pub(crate) fn start(path: &str) -> Self {
        let mut command = Command::new(path);
        let mut child = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = output.next().unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Each request has its own connection, and so may reach another worker.
            .max_idle_connections(0)
            .timeout_global(Some(PATIENCE));
        Self { child, output, url, agent: config.build().into() }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        answer(self.agent.get(self.url.clone() + path).call())
    }

    pub(crate) fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.agent.delete(self.url.clone() + path).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(self.url.clone() + path);
        answer(request.header("content-type", "application/json").send(body.to_string()))
    }

    /// Repeats a request until the response is as wanted, and returns it.
    pub(crate) fn ask_until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let (status, answer) = self.get(path);
            assert_eq!(status, 200, "{answer}");
            if wanted(&answer) {
                return answer;
            }
            assert!(since.elapsed() < PATIENCE, "still {answer}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.output.next().unwrap().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. Returns its status and the remaining lines.
    pub(crate) fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let since = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = self.child.wait().unwrap();
        (status, self.output.by_ref().map(Result::unwrap).collect())
    }
}

/// Leaves no process, also after a failed test.
impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Returns the status, and the body, which is JSON if there is one.
fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut response = response.unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    (response.status().as_u16(), body)
}
