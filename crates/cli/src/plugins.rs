//! `apscheduler plugins`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::builtin;
use apscheduler::registry::Plugin;
use serde_json::{Value, json};

use crate::output;

/// List the available plugins and job functions.
#[derive(clap::Args)]
pub(crate) struct PluginsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn plugins(args: &PluginsArgs) -> Result<ExitCode> {
    let registry = builtin::registry();
    let (plugins, functions) = (registry.plugins(), registry.function_names());
    if args.json {
        let plugins: Value = plugins.iter().map(json).collect();
        output::json(&json!({"plugins": plugins, "functions": functions}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |plugin: &Plugin| {
        let also = plugin.names().skip(1).chain(plugin.class_references().iter().copied());
        vec![
            plugin.kind().to_string(),
            plugin.name().to_owned(),
            plugin.crate_name().to_owned(),
            plugin.crate_version().to_owned(),
            plugin.about().to_owned(),
            also.collect::<Vec<_>>().join(", "),
        ]
    };
    let header = ["KIND", "NAME", "CRATE", "VERSION", "DESCRIPTION", "ALIASES"];
    output::table(&header, plugins.iter().map(row).collect())?;
    output::line("")?;
    output::line(&format!("Job functions: {}", functions.join(", ")))?;
    Ok(ExitCode::SUCCESS)
}

fn json(plugin: &Plugin) -> Value {
    json!({
        "kind": plugin.kind().label(),
        "name": plugin.name(),
        "aliases": plugin.names().skip(1).collect::<Vec<_>>(),
        "classes": plugin.class_references(),
        "url_schemes": plugin.schemes(),
        "crate": plugin.crate_name(),
        "version": plugin.crate_version(),
        "summary": plugin.about(),
    })
}
