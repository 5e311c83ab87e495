//! The table of docs/PARITY.md is complete, and every test that it names exists.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The tests of APScheduler 3.11.3.
const UPSTREAM_TESTS: usize = 306;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

struct Row {
    upstream: String,
    ours: String,
    note: String,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/PARITY.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [upstream, ours, note] = cells[..] else { panic!("three cells: {line}") };
        Row {
            upstream: upstream.trim_matches('`').to_owned(),
            ours: ours.to_owned(),
            note: note.to_owned(),
        }
    })
    .collect()
}

#[test]
fn every_upstream_test_has_one_row() {
    let rows = rows();
    let names: HashSet<&str> = rows.iter().map(|row| row.upstream.as_str()).collect();
    assert_eq!((rows.len(), names.len()), (UPSTREAM_TESTS, UPSTREAM_TESTS));
}

#[test]
fn every_row_names_existing_tests_or_has_a_reason() {
    let mut files: HashMap<&str, String> = HashMap::new();
    let mut wrong = Vec::new();
    let rows = rows();
    for row in &rows {
        if row.ours == "none" {
            if row.note.is_empty() {
                wrong.push(format!("{}: `{}` without a reason", row.upstream, row.ours));
            }
            continue;
        }
        for reference in row.ours.split("<br>") {
            let reference = reference.trim().trim_matches('`');
            let Some((file, name)) = reference.split_once("::") else {
                wrong.push(format!("{}: `{reference}` is not a `file::test`", row.upstream));
                continue;
            };
            let text = files
                .entry(file)
                .or_insert_with(|| std::fs::read_to_string(root().join(file)).unwrap_or_default());
            if !text.contains(&format!("fn {name}(")) {
                wrong.push(format!("{}: there is no `{name}` in `{file}`", row.upstream));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
