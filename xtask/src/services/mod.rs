//! The servers that job stores are tested against, each in its own folder and on a free loopback port.

mod certificates;
mod etcd;
mod mariadb;
mod mongodb;
mod postgres;
mod process;
mod redis;
mod rethinkdb;
mod zookeeper;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::python;
use process::Options;
pub(crate) use process::{Durability, Server};
pub(crate) use rethinkdb::DRIVER as RETHINKDB_DRIVER;

use certificates::Certificates;

/// A kind of server.
struct Service {
    name: &'static str,
    /// The crate whose tests need it.
    package: Option<&'static str>,
    /// The environment variable that tells tests the URL of the server, or its host and port.
    variable: &'static str,
    /// A package for Python with an independent client, which tests find with the environment variable `..._PYTHON`.
    python: Option<&'static str>,
    /// Installs the server if it is missing, starts it with its data in this folder, and waits until it answers.
    start: fn(&Path, &Options) -> Result<Server>,
}

static SERVICES: [Service; 7] = [
    Service {
        name: "redis",
        package: Some("apscheduler-store-redis"),
        variable: "APSCHEDULER_TEST_REDIS",
        python: None,
        start: redis::start,
    },
    Service {
        name: "postgres",
        package: Some("apscheduler-store-postgres"),
        variable: "APSCHEDULER_TEST_POSTGRES",
        python: None,
        start: postgres::start,
    },
    Service {
        name: "mariadb",
        package: Some("apscheduler-store-mysql"),
        variable: "APSCHEDULER_TEST_MYSQL",
        python: None,
        start: mariadb::start,
    },
    Service {
        name: "mongodb",
        package: Some("apscheduler-store-mongodb"),
        variable: "APSCHEDULER_TEST_MONGODB",
        python: None,
        start: mongodb::start,
    },
    Service {
        name: "zookeeper",
        package: Some("apscheduler-store-zookeeper"),
        variable: "APSCHEDULER_TEST_ZOOKEEPER",
        python: None,
        start: zookeeper::start,
    },
    Service {
        name: "rethinkdb",
        package: Some("apscheduler-store-rethinkdb"),
        variable: "APSCHEDULER_TEST_RETHINKDB",
        python: Some(rethinkdb::DRIVER),
        start: rethinkdb::start,
    },
    Service {
        name: "etcd",
        package: Some("apscheduler-store-etcd"),
        variable: "APSCHEDULER_TEST_ETCD",
        python: None,
        start: etcd::start,
    },
];

/// The environment variable with the path of the CA certificate that signed those of the servers.
const AUTHORITY: &str = "APSCHEDULER_TEST_CA";

/// Running servers. Dropping this value stops them.
pub(crate) struct Running {
    servers: Vec<(&'static str, Server)>,
    /// The variables of the interpreters of Python.
    pythons: Vec<(String, String)>,
    authority: String,
    folder: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.servers.clear();
        // Nobody needs the data.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    /// Starts the servers that the tests of these packages need, or those of all packages if `packages` is empty. Does not
    /// start a server whose variable is already set.
    ///
    /// # Errors
    /// If a server can't be installed or started.
    pub(crate) fn for_tests(packages: &[&str]) -> Result<Self> {
        Self::start(|service| {
            service
                .package
                .is_some_and(|package| packages.is_empty() || packages.contains(&package))
        })
    }

    fn start(wanted: impl Fn(&Service) -> bool) -> Result<Self> {
        let folder = data_folder()?;
        let certificates = Certificates::make(&folder.join("certificates"))?;
        let authority = certificates.authority().display().to_string();
        let options = Options { durability: Durability::None, certificates };
        let (mut servers, mut pythons) = (Vec::new(), Vec::new());
        for service in SERVICES.iter().filter(|service| wanted(service)) {
            if let Some(package) = service.python {
                let programs =
                    python::environment(&format!("{}-driver", service.name), &[package])?;
                let interpreter = programs.join("python").display().to_string();
                pythons.push((format!("{}_PYTHON", service.variable), interpreter));
            }
            if let Some(url) = std::env::var_os(service.variable) {
                eprintln!(
                    "{}: using the server of {} ({} bytes)",
                    service.name,
                    service.variable,
                    url.len()
                );
                continue;
            }
            let begin = std::time::Instant::now();
            let server = (service.start)(&folder.join(service.name), &options)
                .with_context(|| format!("can't start a {} server", service.name))?;
            eprintln!(
                "{}: {} after {:.1} s",
                service.name,
                server.url(),
                begin.elapsed().as_secs_f64()
            );
            servers.push((service.variable, server));
        }
        Ok(Self { servers, pythons, authority, folder })
    }

    /// Returns the environment variables for the tests.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, &str)> {
        let urls = self.servers.iter().flat_map(|(variable, server)| {
            let plain = (String::from(*variable), server.url());
            let tls = server.tls_url.as_deref().map(|url| (format!("{variable}_TLS"), url));
            std::iter::once(plain).chain(tls)
        });
        let pythons = self.pythons.iter().map(|(variable, path)| (variable.clone(), &**path));
        urls.chain(pythons).chain(std::iter::once((AUTHORITY.to_owned(), &*self.authority)))
    }
}

/// Returns the kinds of server that a job store uses.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().filter(|service| service.package.is_some()).map(|service| service.name)
}

/// Starts a server of this kind with its data in this folder. The data survives a kill of the process.
pub(crate) fn durable(name: &str, folder: &Path) -> Result<Server> {
    let service = SERVICES.iter().find(|service| service.name == name);
    let service = service.with_context(|| {
        format!("unknown server `{name}`; known: {}", names().collect::<Vec<_>>().join(", "))
    })?;
    let certificates = Certificates::make(&folder.with_extension("certificates"))?;
    let options = Options { durability: Durability::Process, certificates };
    (service.start)(folder, &options).with_context(|| format!("can't start a {name} server"))
}

/// Starts the servers, prints their variables, and keeps them running until Enter, the end of the input, or a signal.
pub(crate) fn up() -> Result<()> {
    let running = Running::start(|_| true)?;
    eprintln!("\nSet these variables for the tests. Press Enter to stop the servers.\n");
    let mut out = std::io::stdout();
    for (variable, url) in running.variables() {
        std::io::Write::write_fmt(&mut out, format_args!("export {variable}={url}\n"))?;
    }
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Creates a folder that the users of the servers can access, unlike `/root`.
pub(crate) fn data_folder() -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("apscheduler-services-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("can't create {}", folder.display()))?;
    Ok(folder)
}
