//! The arguments of the function.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use apscheduler_core::options::Seconds;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::limit::OutputLimits;
use crate::privileges::{Niceness, Umask, User};
use crate::script;

/// The checked arguments of the function.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "RawOptions")]
pub(crate) struct CommandOptions {
    pub(crate) program: Program,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) kill_after: Duration,
    pub(crate) limits: OutputLimits,
    pub(crate) user: Option<User>,
    pub(crate) umask: Option<Umask>,
    pub(crate) nice: Option<Niceness>,
    /// The file to which standard output is appended.
    pub(crate) stdout: Option<PathBuf>,
    /// The file to which standard error is appended.
    pub(crate) stderr: Option<PathBuf>,
}

/// The program to run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Program {
    /// A program and its arguments.
    Argv { name: String, rest: Vec<String> },
    /// A command line for the shell.
    Shell(String),
}

/// The arguments before they are checked.
#[derive(Deserialize)]
#[serde(default)]
struct RawOptions {
    argv: Option<Vec<String>>,
    shell: Option<String>,
    cwd: Option<PathBuf>,
    env: Map<String, Value>,
    timeout: Option<Seconds>,
    kill_after: Seconds,
    max_lines: Option<u64>,
    max_lines_per_second: Option<u64>,
    user: Option<String>,
    umask: Option<String>,
    nice: Option<i32>,
    stdout: Option<PathBuf>,
    stderr: Option<PathBuf>,
}

impl Default for RawOptions {
    fn default() -> Self {
        Self {
            argv: None,
            shell: None,
            cwd: None,
            env: Map::new(),
            timeout: None,
            kill_after: Seconds(5.0),
            max_lines: Some(10_000),
            max_lines_per_second: Some(1_000),
            user: None,
            umask: None,
            nice: None,
            stdout: None,
            stderr: None,
        }
    }
}

impl TryFrom<RawOptions> for CommandOptions {
    type Error = String;

    fn try_from(raw: RawOptions) -> Result<Self, String> {
        let env = raw.env.into_iter().map(variable);
        Ok(Self {
            program: program(raw.argv, raw.shell)?,
            cwd: raw.cwd,
            env: env.collect::<Result<_, _>>()?,
            timeout: raw.timeout.map(timeout).transpose()?,
            kill_after: (raw.kill_after)
                .not_negative("kill_after")
                .map_err(|error| error.to_string())?,
            limits: OutputLimits {
                max_lines: raw.max_lines,
                max_lines_per_second: raw.max_lines_per_second,
            },
            user: raw.user.as_deref().map(User::find).transpose()?,
            umask: raw.umask.as_deref().map(Umask::parse).transpose()?,
            nice: raw.nice.map(Niceness::new).transpose()?,
            stdout: raw.stdout.map(|path| file("stdout", path)).transpose()?,
            stderr: raw.stderr.map(|path| file("stderr", path)).transpose()?,
        })
    }
}

fn program(argv: Option<Vec<String>>, shell: Option<String>) -> Result<Program, String> {
    match (argv, shell) {
        (Some(argv), None) => {
            let mut argv = argv.into_iter();
            match argv.next() {
                Some(name) if !name.is_empty() => Ok(Program::Argv { name, rest: argv.collect() }),
                _ => {
                    Err("argv: expected a program and its arguments, found an empty list"
                        .to_owned())
                }
            }
        }
        (None, Some(line)) if !line.trim().is_empty() => Ok(Program::Shell(line)),
        (None, Some(_)) => Err("shell: expected a command line, found empty text".to_owned()),
        (None, None) => {
            Err("`argv` (a program and its arguments) or `shell` (a command line) is required"
                .to_owned())
        }
        (Some(_), Some(_)) => Err("`argv` and `shell` are mutually exclusive".to_owned()),
    }
}

fn timeout(given: Seconds) -> Result<Duration, String> {
    given.positive("timeout").map_err(|error| error.to_string())
}

fn file(key: &str, path: PathBuf) -> Result<PathBuf, String> {
    if path.file_name().is_none() {
        return Err(format!("{key}: expected the path of a file, found `{}`", path.display()));
    }
    Ok(path)
}

/// Converts a variable. Numbers and booleans are accepted: `env = { PORT = 8080 }`.
fn variable((name, value): (String, Value)) -> Result<(String, String), String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("env: {name:?} is not a valid variable name"));
    }
    match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
        other => Err(format!("env.{name}: expected text, found {other}")),
    }
}

impl CommandOptions {
    /// Finds the executable: the program, or the first word of the shell command line. `None` if there is no such file.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let name = match &self.program {
            Program::Argv { name, .. } => name,
            Program::Shell(line) => line.split_ascii_whitespace().next()?,
        };
        let path = self.env.iter().find(|(name, _)| name == "PATH");
        script::find(name, self.cwd.as_deref(), path.map(|(_, path)| path.as_ref()))
    }
}

impl Program {
    /// The command that runs the program, with this mask for the files that it creates.
    pub(crate) fn command(&self, umask: Option<Umask>) -> Command {
        let program = self.plain_command();
        let Some(Umask(mask)) = umask else { return program };
        // The mask belongs to a whole process, so a shell sets it and becomes the program.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("umask {mask:04o} && exec \"$@\""), "sh"]);
        command.arg(program.get_program()).args(program.get_args());
        command
    }

    fn plain_command(&self) -> Command {
        match self {
            Self::Argv { name, rest } => {
                let mut command = Command::new(name);
                command.args(rest);
                command
            }
            #[cfg(not(windows))]
            Self::Shell(line) => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", line]);
                command
            }
            #[cfg(windows)]
            Self::Shell(line) => {
                use std::os::windows::process::CommandExt as _;
                let mut command = Command::new("cmd");
                // `cmd` does not follow the usual quoting rules.
                command.arg("/C").raw_arg(line);
                command
            }
        }
    }
}

/// The name of the program, for errors.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argv { name, .. } => f.write_str(name),
            Self::Shell(_) if cfg!(windows) => f.write_str("cmd"),
            Self::Shell(_) => f.write_str("/bin/sh"),
        }
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::function::Arguments;
    use serde_json::json;

    fn check(kwargs: &serde_json::Value) -> Result<(), String> {
        let kwargs = kwargs.as_object().unwrap().clone();
        crate::function()
            .check(&Arguments::new(Vec::new(), kwargs))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn accepts_valid_arguments() {
        for kwargs in [
            json!({"argv": ["true"]}),
            json!({"shell": "true", "timeout": 1, "kill_after": 0}),
            json!({"shell": "true", "timeout": "1m 30s", "kill_after": "500ms"}),
            json!({"shell": "true", "timeout": "0.5", "cwd": "/", "env": {"PORT": 80, "X": "y", "ON": true}}),
            json!({"shell": "true", "max_lines": 0, "max_lines_per_second": "none"}),
            json!({"shell": "true", "stdout": "out.log", "stderr": "/var/log/job.err"}),
        ] {
            assert_eq!(check(&kwargs), Ok(()), "{kwargs}");
        }
    }

    #[test]
    fn rejects_invalid_arguments() {
        let cases = [
            (json!({}), "`argv` (a program and its arguments) or `shell`"),
            (json!({"argv": ["a"], "shell": "b"}), "`argv` and `shell` are mutually exclusive"),
            (json!({"argv": []}), "argv: expected a program"),
            (json!({"argv": [""]}), "argv: expected a program"),
            (json!({"argv": "ls -l"}), "argv: expected a list"),
            (json!({"argv": ["ls", 1]}), "argv[1]: expected text, found 1"),
            (json!({"shell": " "}), "shell: expected a command"),
            (
                json!({"shell": "true", "timeout": 0}),
                "timeout: expected a positive number of seconds, found 0",
            ),
            (json!({"shell": "true", "timeout": -1}), "timeout: expected a positive number"),
            (json!({"shell": "true", "kill_after": -1}), "kill_after: expected a number"),
            (json!({"shell": "true", "timeout": "soon"}), "expected a number of seconds, or text"),
            (json!({"shell": "true", "env": {"A": []}}), "env.A: expected text, found []"),
            (json!({"shell": "true", "env": {"A=B": 1}}), "not a valid variable name"),
            (json!({"shell": "true", "max_lines": -1}), "max_lines: -1 is out of range"),
            (
                json!({"shell": "true", "stdout": ""}),
                "stdout: expected the path of a file, found ``",
            ),
            (json!({"shell": "true", "stderr": "a/.."}), "stderr: expected the path of a file"),
            (json!({"shel": "true"}), "unknown option `shel`; did you mean `shell`?"),
        ];
        for (kwargs, expected) in cases {
            let error = check(&kwargs).unwrap_err();
            assert!(error.starts_with("function `command`: "), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
