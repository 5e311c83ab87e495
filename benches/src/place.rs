//! The stores that benches measure.

use std::path::Path;
use std::sync::Arc;

use apscheduler::builtin;
use apscheduler::registry::{ComponentConfig, IntoJobStore as _};
use apscheduler::store::JobStore;
use apscheduler_core::Result;

/// A store and its location.
#[derive(Clone, Debug)]
pub struct Place {
    /// The name of its plugin.
    pub name: &'static str,
    /// How it is opened.
    pub config: ComponentConfig,
    /// The divisor for the numbers of jobs, for a slow substitute of a server.
    pub divisor: usize,
    /// The arguments for the script of APScheduler.
    pub python: Option<[String; 2]>,
}

impl Place {
    /// Returns all stores, except those whose server no variable names: for these, prints a notice.
    pub fn all(folder: &Path) -> Vec<Self> {
        let file = folder.join("jobs.sqlite").display().to_string();
        let mut places = vec![Self {
            name: "sqlite",
            config: ComponentConfig::new("sqlite").option("path", file),
            divisor: 1,
            python: Some([
                "sqlite".to_owned(),
                format!("sqlite:///{}", folder.join("python.sqlite").display()),
            ]),
        }];
        let servers = [
            ("redis", "APSCHEDULER_TEST_REDIS", 1, Some("redis")),
            ("postgres", "APSCHEDULER_TEST_POSTGRES", 1, Some("sqlalchemy")),
            ("mysql", "APSCHEDULER_TEST_MYSQL", 1, Some("sqlalchemy")),
            ("mongodb", "APSCHEDULER_TEST_MONGODB", 10, None),
            ("zookeeper", "APSCHEDULER_TEST_ZOOKEEPER", 5, Some("zookeeper")),
            ("rethinkdb", "APSCHEDULER_TEST_RETHINKDB", 10, Some("rethinkdb")),
            ("etcd", "APSCHEDULER_TEST_ETCD", 10, Some("etcd")),
        ];
        for (name, variable, divisor, python) in servers {
            let Ok(url) = std::env::var(variable) else {
                eprintln!("{name}: skipped, because {variable} is not set");
                continue;
            };
            let key = match name {
                "etcd" => "endpoints",
                "zookeeper" => "hosts",
                _ => "url",
            };
            let config = ComponentConfig::new(name).option(key, url.clone());
            let python = python.map(|kind| [kind.to_owned(), url]);
            places.push(Self { name, config, divisor, python });
        }
        places
    }

    /// Returns a new place in the same database.
    #[must_use]
    pub fn apart(&self, name: &str) -> Self {
        let keys: &[&str] = match self.name {
            "redis" => &["jobs_key", "run_times_key"],
            "mongodb" => &["collection"],
            "rethinkdb" => &["table"],
            "etcd" | "zookeeper" => &["path"],
            _ => &["tablename"],
        };
        // A path begins with a slash.
        let value = |key: &str| match key {
            "path" => format!("/{name}_{key}"),
            key => format!("{name}_{key}"),
        };
        let add = |config: ComponentConfig, key: &&str| config.option(key, value(key));
        Self { config: keys.iter().fold(self.config.clone(), add), ..self.clone() }
    }

    /// Opens the store.
    ///
    /// # Errors
    /// Any error from the store.
    pub fn open(&self) -> Result<Arc<dyn JobStore>> {
        let store = self.config.clone().into_job_store();
        let store = store.resolve(&builtin::new_registry())?;
        store.start("default")?;
        Ok(store)
    }

    /// Opens the store and removes its jobs.
    ///
    /// # Errors
    /// Any error from the store.
    pub fn empty(&self) -> Result<Arc<dyn JobStore>> {
        let store = self.open()?;
        store.remove_all_jobs()?;
        Ok(store)
    }
}
