//! The built-in plugins, one line for each, enabled by its feature.

use std::sync::OnceLock;

use apscheduler_core::function::Function;
use apscheduler_core::registry::{AbsentPlugin, Plugin, PluginKind, PluginSet, Registry};

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
    #[cfg(feature = "store-mongodb")]
    &apscheduler_store_mongodb::PLUGIN,
    #[cfg(feature = "store-mysql")]
    &apscheduler_store_mysql::PLUGIN,
    #[cfg(feature = "store-postgres")]
    &apscheduler_store_postgres::PLUGIN,
    #[cfg(feature = "store-redis")]
    &apscheduler_store_redis::PLUGIN,
    #[cfg(feature = "store-sqlite")]
    &apscheduler_store_sqlite::PLUGIN,
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

/// The plugins that this build does not link, and how to get them.
static ABSENT: &[AbsentPlugin] = &[
    #[cfg(not(feature = "store-sqlite"))]
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["sqlite"],
        classes: &[],
        url_schemes: &["sqlite"],
        remedy: "enable the feature `store-sqlite` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "executor-threadpool"))]
    AbsentPlugin {
        kind: PluginKind::Executor,
        names: &["threadpool"],
        classes: &["apscheduler.executors.pool:ThreadPoolExecutor"],
        url_schemes: &[],
        remedy: "enable the feature `executor-threadpool` of the crate `apscheduler`, or add an executor `default`",
    },
    #[cfg(not(feature = "executor-processpool"))]
    AbsentPlugin {
        kind: PluginKind::Executor,
        names: &["processpool"],
        classes: &["apscheduler.executors.pool:ProcessPoolExecutor"],
        url_schemes: &[],
        remedy: "enable the feature `executor-processpool` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "executor-tokio"))]
    AbsentPlugin {
        kind: PluginKind::Executor,
        names: &["tokio", "asyncio", "tornado"],
        classes: &[
            "apscheduler.executors.asyncio:AsyncIOExecutor",
            "apscheduler.executors.tornado:TornadoExecutor",
        ],
        url_schemes: &[],
        remedy: "enable the feature `executor-tokio` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "scheduler-calloop"))]
    AbsentPlugin {
        kind: PluginKind::Scheduler,
        names: &["calloop", "twisted"],
        classes: &["apscheduler.schedulers.twisted:TwistedScheduler"],
        url_schemes: &[],
        remedy: "enable the feature `scheduler-calloop` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "scheduler-glib"))]
    AbsentPlugin {
        kind: PluginKind::Scheduler,
        names: &["glib", "gtk"],
        classes: &[],
        url_schemes: &[],
        remedy: "enable the feature `scheduler-glib` of the crate `apscheduler`, which needs GLib",
    },
    #[cfg(not(feature = "scheduler-qt"))]
    AbsentPlugin {
        kind: PluginKind::Scheduler,
        names: &["qt"],
        classes: &["apscheduler.schedulers.qt:QtScheduler"],
        url_schemes: &[],
        remedy: "enable the feature `scheduler-qt` of the crate `apscheduler`, which needs Qt 6",
    },
    #[cfg(not(feature = "scheduler-may"))]
    AbsentPlugin {
        kind: PluginKind::Scheduler,
        names: &["may", "gevent"],
        classes: &["apscheduler.schedulers.gevent:GeventScheduler"],
        url_schemes: &[],
        remedy: "enable the feature `scheduler-may` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "executor-may"))]
    AbsentPlugin {
        kind: PluginKind::Executor,
        names: &["may", "gevent"],
        classes: &["apscheduler.executors.gevent:GeventExecutor"],
        url_schemes: &[],
        remedy: "enable the feature `executor-may` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "executor-smol"))]
    AbsentPlugin {
        kind: PluginKind::Executor,
        names: &["smol"],
        classes: &[],
        url_schemes: &[],
        remedy: "enable the feature `executor-smol` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "scheduler-smol"))]
    AbsentPlugin {
        kind: PluginKind::Scheduler,
        names: &["smol"],
        classes: &[],
        url_schemes: &[],
        remedy: "enable the feature `scheduler-smol` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "scheduler-tokio"))]
    AbsentPlugin {
        kind: PluginKind::Scheduler,
        names: &["tokio", "asyncio", "tornado"],
        classes: &[
            "apscheduler.schedulers.asyncio:AsyncIOScheduler",
            "apscheduler.schedulers.tornado:TornadoScheduler",
        ],
        url_schemes: &[],
        remedy: "enable the feature `scheduler-tokio` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "store-mongodb"))]
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["mongodb"],
        classes: &["apscheduler.jobstores.mongodb:MongoDBJobStore"],
        url_schemes: &["mongodb", "mongodb+srv"],
        remedy: "enable the feature `store-mongodb` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "store-redis"))]
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["redis"],
        classes: &["apscheduler.jobstores.redis:RedisJobStore"],
        url_schemes: &["redis", "rediss"],
        remedy: "enable the feature `store-redis` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "store-postgres"))]
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["postgres", "postgresql"],
        classes: &[],
        url_schemes: &["postgresql", "postgres"],
        remedy: "enable the feature `store-postgres` of the crate `apscheduler`",
    },
    #[cfg(not(feature = "store-mysql"))]
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["mysql", "mariadb"],
        classes: &[],
        url_schemes: &["mysql", "mariadb"],
        remedy: "enable the feature `store-mysql` of the crate `apscheduler`",
    },
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["zookeeper"],
        classes: &["apscheduler.jobstores.zookeeper:ZooKeeperJobStore"],
        url_schemes: &[],
        remedy: NOT_YET,
    },
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["etcd"],
        classes: &["apscheduler.jobstores.etcd:EtcdJobStore"],
        url_schemes: &[],
        remedy: NOT_YET,
    },
    AbsentPlugin {
        kind: PluginKind::JobStore,
        names: &["rethinkdb"],
        classes: &["apscheduler.jobstores.rethinkdb:RethinkDBJobStore"],
        url_schemes: &[],
        remedy: NOT_YET,
    },
];

const NOT_YET: &str = "there is no such plugin yet; docs/PLUGINS.md explains how to write one";

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
