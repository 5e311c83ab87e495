//! The packages of the workspace, as cargo describes them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::command::cargo;

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The folder of its `Cargo.toml`.
    pub(crate) folder: PathBuf,
    /// Whether it may be uploaded to a registry.
    pub(crate) is_published: bool,
    pub(crate) description: Option<String>,
    pub(crate) readme: Option<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
}

/// Returns all packages of the workspace.
///
/// # Errors
/// If cargo can't be run, or a manifest is wrong.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("can't run `cargo metadata`")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", output.status);
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .context("can't read the output of `cargo metadata`")?;
    let packages = metadata["packages"].as_array().context("the metadata has no packages")?;
    packages.iter().map(Package::read).collect()
}

impl Package {
    fn read(value: &Value) -> Result<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let list = |key: &str| {
            let items = value[key].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let manifest = text("manifest_path").context("a package has no manifest")?;
        let folder = Path::new(&manifest).parent().context("a manifest has no folder")?;
        Ok(Self {
            name: text("name").context("a package has no name")?,
            folder: folder.to_owned(),
            // `publish = false` is an empty list of registries.
            is_published: value["publish"]
                .as_array()
                .is_none_or(|registries| !registries.is_empty()),
            description: text("description"),
            readme: text("readme"),
            keywords: list("keywords"),
            categories: list("categories"),
        })
    }
}
