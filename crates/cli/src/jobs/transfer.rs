//! `apscheduler jobs export` and `import`.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::output;
use crate::progress::Progress;
use crate::stores::Stores;

/// Export jobs as JSON.
#[derive(clap::Args)]
pub(super) struct ExportArgs {
    /// The output file; `-` is standard output
    #[arg(default_value = "-", value_name = "FILE|-")]
    file: PathBuf,
}

/// Import exported jobs. On an error, none is imported.
///
/// A job that can't be restored by this program is stored unchanged and listed as `broken`.
#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// The input file; `-` is standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

pub(super) fn export(stores: &Stores, args: &ExportArgs) -> Result<ExitCode> {
    stores.warn_of_memory_stores();
    // Collected first: an error must not leave a partial file.
    let mut exported = Vec::new();
    let progress = Progress::new("exporting jobs", false);
    match stores.alias() {
        Some(alias) => stores.scheduler.export_jobs_in(alias, &mut exported)?,
        None => stores.scheduler.export_jobs(&mut exported)?,
    }
    drop(progress);
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
    let (input, size): (Box<dyn Read>, _) = if is_dash(&args.file) {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(&args.file)
            .with_context(|| format!("can't read the file `{}`", args.file.display()))?;
        let size = file.metadata().ok().filter(Metadata::is_file).map(|metadata| metadata.len());
        (Box::new(file), size)
    };
    let progress = Progress::new("importing jobs", false);
    let mut input = io::BufReader::new(progress.reading(input, size));
    let count = stores.scheduler.import_jobs(alias, &mut input)?;
    drop(progress);
    output::line(&format!(
        "imported {count} {} into {alias}",
        if count == 1 { "job" } else { "jobs" }
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}
