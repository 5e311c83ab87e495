//! The module tree of a crate, read from its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::module::{Module, Segments};

/// The modules of a crate, by their path from the root.
#[derive(Debug)]
pub(super) struct ModuleTree {
    modules: BTreeMap<Segments, Entry>,
}

/// A module and its file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) file: PathBuf,
    pub(super) module: Module,
}

impl ModuleTree {
    /// Reads the crate with this root file.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self { modules: BTreeMap::new() };
        let folder = root.parent().unwrap_or_else(|| Path::new("."));
        tree.add_file(root, folder, Segments::new())?;
        Ok(tree)
    }

    /// Returns the number of files.
    pub(super) fn files(&self) -> usize {
        let mut files: Vec<&Path> = self.modules.values().map(|entry| &*entry.file).collect();
        files.sort_unstable();
        files.dedup();
        files.len()
    }

    pub(super) fn get(&self, path: &[String]) -> Option<&Entry> {
        self.modules.get(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Segments, &Entry)> {
        self.modules.iter()
    }

    fn add_file(&mut self, file: &Path, folder: &Path, path: Segments) -> Result<()> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("can't read `{}`", file.display()))?;
        let parsed =
            syn::parse_file(&text).with_context(|| format!("can't parse `{}`", file.display()))?;
        self.add(file, folder, path, Module::read(&parsed.items))
    }

    /// Adds a module of `file` and its children, whose files are in `folder`.
    fn add(
        &mut self,
        file: &Path,
        folder: &Path,
        path: Segments,
        mut module: Module,
    ) -> Result<()> {
        for child in &mut module.children {
            let mut below = path.clone();
            below.push(child.name.clone());
            if let Some(inline) = child.inline.take() {
                self.add(file, &folder.join(&child.name), below, inline)?;
                continue;
            }
            let candidates = match &child.path {
                // Like the compiler: the path is relative to the folder of the file.
                Some(path) => vec![file.with_file_name(path)],
                None => vec![
                    folder.join(format!("{}.rs", child.name)),
                    folder.join(&child.name).join("mod.rs"),
                ],
            };
            let Some(found) = candidates.iter().find(|file| file.is_file()) else {
                bail!("{}: there is no file for the module `{}`", file.display(), child.name);
            };
            self.add_file(found, &folder.join(&child.name), below)?;
        }
        self.modules.insert(path, Entry { file: file.to_owned(), module });
        Ok(())
    }
}
