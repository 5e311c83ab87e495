//! The built-in plugins, one line for each, enabled by its feature.

use std::sync::OnceLock;

use apscheduler_core::function::Function;
use apscheduler_core::registry::{AbsentPlugin, Plugin, PluginSet, Registry};

/// The built-in plugins that this build links.
static PLUGINS: &[&Plugin] = &[
    &apscheduler_executor_debug::PLUGIN,
    &apscheduler_executor_loop::PLUGIN,
    &apscheduler_store_memory::PLUGIN,
    #[cfg(feature = "executor-may")]
    &apscheduler_executor_may::PLUGIN,
    #[cfg(feature = "executor-processpool")]
    &apscheduler_executor_processpool::PLUGIN,
    #[cfg(feature = "executor-smol")]
    &apscheduler_executor_smol::PLUGIN,
    #[cfg(feature = "executor-threadpool")]
    &apscheduler_executor_threadpool::PLUGIN,
    #[cfg(feature = "executor-tokio")]
    &apscheduler_executor_tokio::PLUGIN,
    #[cfg(feature = "scheduler-calloop")]
    &apscheduler_scheduler_calloop::PLUGIN,
    #[cfg(feature = "scheduler-glib")]
    &apscheduler_scheduler_glib::PLUGIN,
    #[cfg(feature = "scheduler-may")]
    &apscheduler_scheduler_may::PLUGIN,
    #[cfg(feature = "scheduler-qt")]
    &apscheduler_scheduler_qt::PLUGIN,
    #[cfg(feature = "scheduler-smol")]
    &apscheduler_scheduler_smol::PLUGIN,
    #[cfg(feature = "scheduler-tokio")]
    &apscheduler_scheduler_tokio::PLUGIN,
    #[cfg(feature = "store-etcd")]
    &apscheduler_store_etcd::PLUGIN,
    #[cfg(feature = "store-mongodb")]
    &apscheduler_store_mongodb::PLUGIN,
    #[cfg(feature = "store-mysql")]
    &apscheduler_store_mysql::PLUGIN,
    #[cfg(feature = "store-postgres")]
    &apscheduler_store_postgres::PLUGIN,
    #[cfg(feature = "store-redis")]
    &apscheduler_store_redis::PLUGIN,
    #[cfg(feature = "store-rethinkdb")]
    &apscheduler_store_rethinkdb::PLUGIN,
    #[cfg(feature = "store-sqlite")]
    &apscheduler_store_sqlite::PLUGIN,
    #[cfg(feature = "store-zookeeper")]
    &apscheduler_store_zookeeper::PLUGIN,
];

/// The built-in job functions that this build links.
static FUNCTIONS: &[fn() -> Function] = &[
    #[cfg(feature = "function-command")]
    apscheduler_function_command::function,
    #[cfg(feature = "function-http")]
    apscheduler_function_http::function,
    #[cfg(feature = "function-log")]
    apscheduler_function_log::function,
];

/// The job functions that this build does not link, and how to get them.
static ABSENT_FUNCTIONS: &[(&str, &str)] = &[
    #[cfg(not(feature = "function-command"))]
    ("command", "enable the feature `function-command` of the crate `apscheduler`"),
    #[cfg(not(feature = "function-http"))]
    ("http", "enable the feature `function-http` of the crate `apscheduler`"),
    #[cfg(not(feature = "function-log"))]
    ("log", "enable the feature `function-log` of the crate `apscheduler`"),
];

/// The plugins that this build does not link, and how to get them.
static ABSENT: &[AbsentPlugin] = &[
    #[cfg(not(feature = "store-sqlite"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["sqlite"],
        "enable the feature `store-sqlite` of the crate `apscheduler`",
    )
    .url_schemes(&["sqlite"]),
    #[cfg(not(feature = "executor-threadpool"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Executor,
        &["threadpool"],
        "enable the feature `executor-threadpool` of the crate `apscheduler`, or add an executor `default`",
    )
    .classes(&["apscheduler.executors.pool:ThreadPoolExecutor"]),
    #[cfg(not(feature = "executor-processpool"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Executor,
        &["processpool"],
        "enable the feature `executor-processpool` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.executors.pool:ProcessPoolExecutor"]),
    #[cfg(not(feature = "executor-tokio"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Executor,
        &["tokio", "asyncio", "tornado"],
        "enable the feature `executor-tokio` of the crate `apscheduler`",
    )
    .classes(&[
            "apscheduler.executors.asyncio:AsyncIOExecutor",
            "apscheduler.executors.tornado:TornadoExecutor",
        ]),
    #[cfg(not(feature = "scheduler-calloop"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Scheduler,
        &["calloop", "twisted"],
        "enable the feature `scheduler-calloop` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.schedulers.twisted:TwistedScheduler"]),
    #[cfg(not(feature = "scheduler-glib"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Scheduler,
        &["glib", "gtk"],
        "enable the feature `scheduler-glib` of the crate `apscheduler`, which needs GLib",
    ),
    #[cfg(not(feature = "scheduler-qt"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Scheduler,
        &["qt"],
        "enable the feature `scheduler-qt` of the crate `apscheduler`, which needs Qt 6",
    )
    .classes(&["apscheduler.schedulers.qt:QtScheduler"]),
    #[cfg(not(feature = "scheduler-may"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Scheduler,
        &["may", "gevent"],
        "enable the feature `scheduler-may` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.schedulers.gevent:GeventScheduler"]),
    #[cfg(not(feature = "executor-may"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Executor,
        &["may", "gevent"],
        "enable the feature `executor-may` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.executors.gevent:GeventExecutor"]),
    #[cfg(not(feature = "executor-smol"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Executor,
        &["smol"],
        "enable the feature `executor-smol` of the crate `apscheduler`",
    ),
    #[cfg(not(feature = "scheduler-smol"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Scheduler,
        &["smol"],
        "enable the feature `scheduler-smol` of the crate `apscheduler`",
    ),
    #[cfg(not(feature = "scheduler-tokio"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::Scheduler,
        &["tokio", "asyncio", "tornado"],
        "enable the feature `scheduler-tokio` of the crate `apscheduler`",
    )
    .classes(&[
            "apscheduler.schedulers.asyncio:AsyncIOScheduler",
            "apscheduler.schedulers.tornado:TornadoScheduler",
        ]),
    #[cfg(not(feature = "store-mongodb"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["mongodb"],
        "enable the feature `store-mongodb` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.jobstores.mongodb:MongoDBJobStore"])
    .url_schemes(&["mongodb", "mongodb+srv"]),
    #[cfg(not(feature = "store-redis"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["redis"],
        "enable the feature `store-redis` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.jobstores.redis:RedisJobStore"])
    .url_schemes(&["redis", "rediss"]),
    #[cfg(not(feature = "store-postgres"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["postgres", "postgresql"],
        "enable the feature `store-postgres` of the crate `apscheduler`",
    )
    .url_schemes(&["postgresql", "postgres"]),
    #[cfg(not(feature = "store-mysql"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["mysql", "mariadb"],
        "enable the feature `store-mysql` of the crate `apscheduler`",
    )
    .url_schemes(&["mysql", "mariadb"]),
    #[cfg(not(feature = "store-zookeeper"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["zookeeper"],
        "enable the feature `store-zookeeper` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.jobstores.zookeeper:ZooKeeperJobStore"])
    .url_schemes(&["zookeeper"]),
    #[cfg(not(feature = "store-etcd"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["etcd"],
        "enable the feature `store-etcd` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.jobstores.etcd:EtcdJobStore"]),
    #[cfg(not(feature = "store-rethinkdb"))]
    AbsentPlugin::new(
        apscheduler_core::registry::PluginKind::JobStore,
        &["rethinkdb"],
        "enable the feature `store-rethinkdb` of the crate `apscheduler`",
    )
    .classes(&["apscheduler.jobstores.rethinkdb:RethinkDBJobStore"])
    .url_schemes(&["rethinkdb"]),
];

/// The built-in plugins, and plugins that linked crates submitted.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

impl PluginSet for BuiltIn {
    fn registry() -> Registry {
        registry()
    }
}

/// The registry of this process: the built-in plugins, plugins that linked crates submitted, and the functions that the
/// program registers. Every scheduler of this crate uses it by default.
pub fn registry() -> Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(new_registry).clone()
}

/// A new registry with the same plugins as [`registry`], independent of it.
pub fn new_registry() -> Registry {
    let registry = plugins();
    for function in FUNCTIONS {
        if let Err(error) = registry.add_function(function()) {
            tracing::error!("{error}");
        }
    }
    for (name, remedy) in ABSENT_FUNCTIONS {
        registry.register_absent_function(name, remedy);
    }
    registry.add_submitted();
    registry
}

/// A new registry with the built-in plugins and no job functions, for servers whose clients can choose functions.
pub fn plugins() -> Registry {
    let registry = Registry::empty();
    for plugin in apscheduler_engine::PLUGINS
        .iter()
        .chain(apscheduler_triggers::PLUGINS.iter())
        .chain(PLUGINS)
    {
        // This can't fail: the names of built-in plugins are distinct, as a test with all features checks.
        if let Err(error) = registry.register((**plugin).clone()) {
            tracing::error!("{error}");
        }
    }
    for absent in ABSENT {
        registry.register_absent(*absent);
    }
    registry
}
