//! Checks the documents: jobs files can be loaded, and links are not broken.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use apscheduler::BackgroundScheduler;
use apscheduler::file::JobsFile;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn documents() -> Vec<(PathBuf, String)> {
    let folder = std::fs::read_dir(root().join("docs")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name)));
    paths.push(root().join("CHANGELOG.md"));
    paths.extend(readmes_of_crates());
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// The front pages of the published crates.
fn readmes_of_crates() -> Vec<PathBuf> {
    let folders = [
        "crates",
        "plugins/stores",
        "plugins/executors",
        "plugins/functions",
        "plugins/schedulers",
    ];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let readmes = entries.map(|entry| entry.unwrap().path().join("README.md"));
    readmes.filter(|path| path.exists()).collect()
}

/// Returns the code blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let behind = text.split(fence.as_str()).skip(1);
    behind.filter_map(|block| block.split_once("```")).map(|(block, _)| block).collect()
}

/// Loads a jobs file and builds all its jobs, with the functions that documents name.
fn check(name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    // A secret has no default: the environment sets it.
    let text = &text.replace("${APSCHEDULER_TOKEN}", &"0".repeat(64));
    std::fs::write(&path, text).unwrap();
    let registry = apscheduler::builtin::new_registry();
    registry.register_function("shop::orders::ship", |_order: u64| ()).unwrap();
    let clock = std::sync::Arc::new(apscheduler::time::SystemClock);
    let scheduler = BackgroundScheduler::builder().registry(registry).clock(clock).build().unwrap();
    let file = JobsFile::load(&path).unwrap_or_else(|error| panic!("{}\n{text}", error.chain()));
    file.configure(&scheduler).unwrap_or_else(|error| panic!("{}\n{text}", error.chain()));
    let errors = file.check(&scheduler);
    assert!(errors.is_empty(), "{errors:?}\n{text}");
}

#[test]
fn jobs_files_in_documents_are_valid() {
    let mut count = 0;
    for (_, text) in documents() {
        for block in blocks(&text, "toml") {
            // Manifests of crates are not jobs files.
            if !block.contains("[package]")
                && !block.contains("[dependencies]")
                && !block.contains("[[test]]")
            {
                check("jobs.toml", block);
                count += 1;
            }
        }
        for block in blocks(&text, "yaml") {
            check("jobs.yaml", block);
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn the_example_is_valid() {
    check("jobs.toml", &std::fs::read_to_string(root().join("examples/jobs.toml")).unwrap());
}

#[test]
fn links_are_not_broken() {
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for link in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link)
        {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            if !target.exists() {
                wrong.push(format!("{}: {link}", path.display()));
            } else if !anchor.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                if !headings.map(anchor_of).any(|known| known == anchor) {
                    wrong.push(format!("{}: {link}: no such heading", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the anchor of a heading on the web.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let keep = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    text.chars().filter_map(keep).collect()
}
