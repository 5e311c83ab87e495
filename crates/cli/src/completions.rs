//! `apscheduler completions`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap_complete::Shell;

use crate::output;

/// Print a script that completes commands and options in a shell.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler completions bash > ~/.local/share/bash-completion/completions/apscheduler
  apscheduler completions zsh > ~/.zfunc/_apscheduler
  apscheduler completions fish > ~/.config/fish/completions/apscheduler.fish";

/// `program` is the command line of this program.
pub(crate) fn completions(args: &CompletionsArgs, mut program: clap::Command) -> Result<ExitCode> {
    let name = program.get_name().to_owned();
    // Written to memory first: `generate` panics if it can't write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, name, &mut script);
    let mut out = output::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
