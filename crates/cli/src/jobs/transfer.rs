//! `apscheduler jobs export` and `import`.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::open::Stores;
use crate::output;

/// Writes jobs as JSON, to a file or to standard output.
#[derive(clap::Args)]
pub(super) struct ExportArgs {
    /// The file; `-` is standard output
    #[arg(default_value = "-", value_name = "FILE|-")]
    file: PathBuf,
}

/// Reads jobs that were exported: all or none.
///
/// A job that can't be restored here is kept as it is, set aside.
#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

pub(super) fn export(stores: &Stores, args: &ExportArgs) -> Result<ExitCode> {
    stores.warn_of_memory();
    // Whole or not at all: an error in the middle must not leave half a file.
    let mut exported = Vec::new();
    match stores.alias() {
        Some(alias) => stores.scheduler.export_jobs_in(alias, &mut exported)?,
        None => stores.scheduler.export_jobs(&mut exported)?,
    }
    if is_dash(&args.file) {
        let mut out = output::stdout();
        out.write_all(&exported)?;
        out.flush()?;
    } else {
        fs::write(&args.file, &exported)
            .with_context(|| format!("can't write the file `{}`", args.file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import(stores: &Stores, args: &ImportArgs) -> Result<ExitCode> {
    let alias = stores.target()?;
    let mut input: Box<dyn Read> = if is_dash(&args.file) {
        Box::new(io::stdin())
    } else {
        let file = File::open(&args.file);
        Box::new(file.with_context(|| format!("can't read the file `{}`", args.file.display()))?)
    };
    let count = stores.scheduler.import_jobs(alias, &mut input)?;
    output::line(&format!(
        "imported {count} {} into {alias}",
        if count == 1 { "job" } else { "jobs" }
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}
