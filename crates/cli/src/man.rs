//! `apscheduler man`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap_mangen::Man;

use crate::output;

/// Print the manual page of the program, or write those of all commands.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write the pages of the program and of each command into this directory, which is created if it is missing
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler man | man -l -
  apscheduler man --dir /usr/local/share/man/man1";

/// `program` is the command line of this program.
pub(crate) fn man(args: &ManArgs, program: clap::Command) -> Result<ExitCode> {
    let Some(dir) = &args.dir else {
        let mut out = output::stdout();
        Man::new(program).render(&mut out)?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(program, dir))
        .with_context(|| format!("can't write manual pages into `{}`", dir.display()))?;
    Ok(ExitCode::SUCCESS)
}
