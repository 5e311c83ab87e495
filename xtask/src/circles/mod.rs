//! Finds circles of imports: no two files and no two folders of a crate may import each other.
//!
//! A file imports another if it names an item that the other defines, in a `use` or in a path. A folder that re-exports
//! items of its own files does not import them, and names are followed through re-exports to the file that defines them.
//! Code under `#[cfg(test)]` does not count.

mod graph;
mod module;
mod names;
mod tree;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use graph::Circle;
use tree::ModuleTree;

/// Checks the sources of these packages, each given by its folder.
///
/// # Errors
/// If there is a circle, with the imported names; if a file can't be read or parsed.
pub(crate) fn check(packages: &[PathBuf]) -> Result<()> {
    let mut found = Vec::new();
    let mut files = 0;
    for package in packages {
        for root in roots(package) {
            let tree = ModuleTree::read(&root)
                .with_context(|| format!("can't read the modules of `{}`", root.display()))?;
            files += tree.files();
            found.extend(graph::circles(&tree));
        }
    }
    if found.is_empty() {
        eprintln!("no circles of imports in {files} files");
        return Ok(());
    }
    let list: Vec<String> = found.iter().map(Circle::to_string).collect();
    bail!("{} circles of imports:\n{}", found.len(), list.join("\n"))
}

/// Returns the root files of the crates of a package.
fn roots(package: &Path) -> impl Iterator<Item = PathBuf> {
    ["src/lib.rs", "src/main.rs"]
        .into_iter()
        .map(|name| package.join(name))
        .filter(|path| path.is_file())
}

#[cfg(test)]
mod tests;
