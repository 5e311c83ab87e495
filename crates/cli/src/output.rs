//! Standard output: lines, tables and JSON.

use std::io::{self, BufWriter, StdoutLock, Write};

use anyhow::Result;
use apscheduler::printable;
use comfy_table::{Table, presets};
use serde::Serialize;

/// Buffered standard output. Unlike `println!`, which panics, it returns write errors.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Prints one line, with control characters escaped.
pub(crate) fn line(text: &str) -> Result<()> {
    raw(&printable::line(text))
}

fn raw(text: &str) -> Result<()> {
    let mut out = stdout();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let mut out = stdout();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Prints a table without borders.
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

/// How many rows determine the column widths of a streamed table.
const MEASURED_ROWS: usize = 1000;

/// Prints a table row by row without collecting all rows. Returns whether there were any.
pub(crate) fn streamed_table<const N: usize>(
    header: [&str; N],
    mut rows: impl Iterator<Item = [String; N]>,
) -> Result<bool> {
    let first: Vec<_> = rows.by_ref().take(MEASURED_ROWS).collect();
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
