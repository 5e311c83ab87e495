//! The plugins and the functions of a program.

use apscheduler_core::registry::Plugin;
use apscheduler_engine::Scheduler;
use serde::Serialize;
use utoipa::ToSchema;

/// The plugins of a program, and the functions that its jobs may call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plugins {
    pub(crate) plugins: Vec<PluginInfo>,
    pub(crate) functions: Vec<FunctionInfo>,
}

/// A plugin, as `apscheduler plugins --json` describes it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginInfo {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    #[serde(rename = "crate")]
    pub(crate) crate_name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) summary: String,
}

/// A function that jobs may call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FunctionInfo {
    pub(crate) name: String,
    /// Whether jobs that are added or changed by the API may call it.
    pub(crate) allowed: bool,
}

/// Returns the plugins of a program. `allowed` are the functions that the API may set.
pub(crate) fn plugins(scheduler: &Scheduler, allowed: &[String]) -> Plugins {
    let registry = scheduler.registry();
    let functions = registry
        .function_names()
        .into_iter()
        .map(|name| FunctionInfo { allowed: allowed.contains(&name), name });
    Plugins {
        plugins: registry.plugins().iter().map(info).collect(),
        functions: functions.collect(),
    }
}

fn info(plugin: &Plugin) -> PluginInfo {
    PluginInfo {
        kind: plugin.kind().label(),
        name: plugin.name().to_owned(),
        aliases: plugin.names().skip(1).map(str::to_owned).collect(),
        crate_name: plugin.crate_name(),
        version: plugin.crate_version(),
        summary: plugin.about().to_owned(),
    }
}
