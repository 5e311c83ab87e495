//! The plugins for suites and tests.

use apscheduler_core::registry::{PluginSet, Registry};

/// The memory store, the executors `debug` and `loop`, the schedulers of the engine, and the
/// plugins submitted by linked crates.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::PluginSet as _;
/// use apscheduler_engine::schedulers::BackgroundScheduler;
/// use apscheduler_testkit::TestPlugins;
///
/// let scheduler = BackgroundScheduler::<TestPlugins>::new();
/// scheduler.add_executor("default", "debug")?;
/// scheduler.start()?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TestPlugins;

impl PluginSet for TestPlugins {
    fn registry() -> Registry {
        linked_registry()
    }
}

/// Returns a registry with the plugins of [`TestPlugins`], including those submitted by linked
/// crates.
///
/// # Panics
/// If two of these plugins have the same name.
pub fn linked_registry() -> Registry {
    let registry = registry();
    registry.add_submitted();
    registry
}

/// Returns a registry with only the memory store, the executors `debug` and `loop`, and the
/// schedulers of the engine.
///
/// # Panics
/// If two of these plugins have the same name.
pub fn registry() -> Registry {
    let registry = Registry::empty();
    let own = [
        &apscheduler_store_memory::PLUGIN,
        &apscheduler_executor_debug::PLUGIN,
        &apscheduler_executor_loop::PLUGIN,
    ];
    for plugin in own.into_iter().chain(apscheduler_engine::PLUGINS) {
        registry.register(plugin.clone()).expect("their names are distinct");
    }
    registry
}
