//! What people and programs read.

use std::io::{self, BufWriter, StdoutLock, Write};

use anyhow::Result;
use apscheduler::printable;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::complain;

/// Standard output, buffered. A write error comes back to the caller; `println!` would panic.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Prints one line. What a terminal would obey is shown instead.
pub(crate) fn line(text: &str) -> Result<()> {
    raw(&printable::line(text))
}

fn raw(text: &str) -> Result<()> {
    let mut out = stdout();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints JSON that a person can read.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let mut out = stdout();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Prints a table without lines, which any width can show and any tool can cut.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> Result<()> {
    let cell = |text: String| printable::line(&text).into_owned();
    let rows = rows.into_iter().map(|row| row.into_iter().map(cell).collect::<Vec<_>>());
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    raw(&table.trim_fmt())
}

/// The rows from which the widths of the columns of a long table are taken.
const MEASURED: usize = 1000;

/// Prints a table, row by row as they come, and returns whether there was any row.
pub(crate) fn long_table<const N: usize>(
    header: [&str; N],
    mut rows: impl Iterator<Item = [String; N]>,
) -> Result<bool> {
    let first: Vec<_> = rows.by_ref().take(MEASURED).collect();
    if first.is_empty() {
        return Ok(false);
    }
    let mut widths = header.map(str::len);
    for row in &first {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = stdout();
    for row in std::iter::once(header.map(str::to_owned)).chain(first).chain(rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    out.flush()?;
    Ok(true)
}

/// Prints an error with its causes to standard error.
pub(crate) fn report(error: &anyhow::Error) {
    complain(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        complain(&format!("  caused by: {cause}"));
    }
}
