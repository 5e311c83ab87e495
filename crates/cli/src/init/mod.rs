//! `apscheduler init`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::{log, output};

/// Write a jobs file to start from, with comments that explain it.
///
/// The file is valid as it is, and has one job that writes a line into the log. An existing file is not overwritten.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// The file to write: TOML
    #[arg(default_value = "jobs.toml")]
    file: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler init && apscheduler run jobs.toml
  apscheduler init /etc/apscheduler/jobs.toml";

const STARTER: &str = include_str!("jobs.toml");

/// The name of the file in [`STARTER`].
const NAME: &str = "jobs.toml";

pub(crate) fn init(args: &InitArgs) -> Result<ExitCode> {
    log::start("warn");
    let shown = args.file.display().to_string();
    if !is_toml(&args.file) {
        bail!("the starter file is TOML, so its name has to end with `.toml`; found `{shown}`");
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let file = options.open(&args.file);
    let mut file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("the file `{shown}` exists; use `--force` to overwrite it, or give another name")
        }
        file => file.with_context(|| format!("can't write the file `{shown}`"))?,
    };
    let text = STARTER.replace(NAME, &shown);
    file.write_all(text.as_bytes()).with_context(|| format!("can't write the file `{shown}`"))?;
    output::line(&format!("wrote {shown}; run it with `apscheduler run {shown}`"))?;
    Ok(ExitCode::SUCCESS)
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}
