//! Checks that each published crate is complete, and that cargo can package it.

use std::fs;

use anyhow::{Result, bail};

use crate::command::{self, cargo};
use crate::workspace::Package;

/// The limits of crates.io.
const MAX_KEYWORDS: usize = 5;
const MAX_KEYWORD_LENGTH: usize = 20;
const MAX_CATEGORIES: usize = 5;

/// A description longer than this is cut in lists.
const MAX_DESCRIPTION_LENGTH: usize = 100;

/// The README of a crate is the front page of its docs.
const FRONT_PAGE: &str = r#"#![doc = include_str!("../README.md")]"#;

/// Checks the metadata and files of the published packages, then packages them all.
///
/// # Errors
/// If anything is missing, with a list of all problems; if cargo can't package a crate.
pub(crate) fn check(packages: &[Package]) -> Result<()> {
    let published: Vec<&Package> = packages.iter().filter(|package| package.is_published).collect();
    let problems: Vec<String> = published
        .iter()
        .flat_map(|package| {
            problems(package).into_iter().map(|problem| format!("  {}: {problem}", package.name))
        })
        .collect();
    if !problems.is_empty() {
        bail!(
            "{} problems in published crates (see CONTRIBUTING.md, \"Add a plugin\"):\n{}",
            problems.len(),
            problems.join("\n")
        );
    }
    // The crates find each other in the workspace, so no registry is asked. Verifying would build each of them from nothing,
    // and takes many times as long as the rest of the lint.
    let mut package = cargo();
    package.args(["package", "--quiet", "--offline", "--no-verify"]);
    if std::env::var_os("CI").is_none() {
        package.arg("--allow-dirty");
    }
    for published in &published {
        package.args(["--package", &published.name]);
    }
    command::run(&mut package)
}

/// Returns what the package lacks, each with what to do about it.
fn problems(package: &Package) -> Vec<String> {
    let mut problems = Vec::new();
    match &package.description {
        None => problems.push("no `description`: add one line to Cargo.toml".to_owned()),
        Some(text) if text.len() > MAX_DESCRIPTION_LENGTH || text.contains('\n') => problems.push(
            format!("`description`: expected one line of at most {MAX_DESCRIPTION_LENGTH} bytes"),
        ),
        Some(_) => {}
    }
    if package.keywords.is_empty() || package.keywords.len() > MAX_KEYWORDS {
        let found = package.keywords.len();
        problems.push(format!("`keywords`: expected 1 to {MAX_KEYWORDS}, found {found}"));
    }
    for keyword in package.keywords.iter().filter(|keyword| !is_keyword(keyword)) {
        problems.push(format!(
            "keyword `{keyword}`: expected at most {MAX_KEYWORD_LENGTH} ASCII letters, digits, `-`, `_` or `+`, \
             beginning with a letter or digit"
        ));
    }
    if package.categories.is_empty() || package.categories.len() > MAX_CATEGORIES {
        let found = package.categories.len();
        problems.push(format!("`categories`: expected 1 to {MAX_CATEGORIES}, found {found}"));
    }
    if package.readme.as_deref() != Some("README.md") {
        problems.push("no `readme`: add `readme = \"README.md\"` to Cargo.toml".to_owned());
    }
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        // A symlink counts if it leads to a file.
        if !package.folder.join(name).is_file() {
            let advice = match name {
                "README.md" => "write what the crate is, with an example and its options",
                _ => "add a symlink to the file in the root of the repository",
            };
            problems.push(format!("no file `{name}`: {advice}"));
        }
    }
    // A program has no docs.
    if let Ok(library) = fs::read_to_string(package.folder.join("src/lib.rs"))
        && !library.starts_with(FRONT_PAGE)
    {
        problems.push(format!("`src/lib.rs` does not begin with `{FRONT_PAGE}`"));
    }
    problems
}

/// Whether crates.io accepts the keyword.
fn is_keyword(text: &str) -> bool {
    text.len() <= MAX_KEYWORD_LENGTH
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_+".contains(c))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn package(folder: &Path) -> Package {
        Package {
            name: "acme".to_owned(),
            folder: folder.to_owned(),
            is_published: true,
            description: Some("Does what it should".to_owned()),
            readme: Some("README.md".to_owned()),
            keywords: vec!["cron".to_owned()],
            categories: vec!["date-and-time".to_owned()],
        }
    }

    fn write(folder: &Path, name: &str, text: &str) {
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }

    #[test]
    fn a_complete_package_has_no_problems() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            write(folder.path(), name, "text");
        }
        write(folder.path(), "src/lib.rs", FRONT_PAGE);
        assert_eq!(problems(&package(folder.path())), Vec::<String>::new());
    }

    #[test]
    fn each_missing_part_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "src/lib.rs", "//! Docs of its own.");
        let bare = Package {
            description: None,
            readme: None,
            keywords: vec!["event loop".to_owned()],
            categories: Vec::new(),
            ..package(folder.path())
        };
        let found = problems(&bare).join("\n");
        for expected in [
            "no `description`",
            "keyword `event loop`",
            "`categories`: expected 1 to 5, found 0",
            "no `readme`",
            "no file `README.md`",
            "no file `LICENSE-MIT`",
            "no file `LICENSE-APACHE`",
            "`src/lib.rs` does not begin with",
        ] {
            assert!(found.contains(expected), "{expected}\n{found}");
        }
    }
}
