//! The servers that stores are tested against: each in a folder of its own, on a free loopback port.

mod certificates;
mod mariadb;
mod mongodb;
mod postgres;
mod process;
mod redis;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use process::Options;
pub(crate) use process::{Durability, Server};

use certificates::Certificates;

/// A kind of server.
struct Service {
    name: &'static str,
    /// The crate whose tests need it.
    package: Option<&'static str>,
    /// The variable by which tests find the server.
    variable: &'static str,
    /// Installs what is missing, starts a server with its data in this folder, and returns when it answers.
    start: fn(&Path, &Options) -> Result<Server>,
}

static SERVICES: [Service; 4] = [
    Service {
        name: "redis",
        package: Some("apscheduler-store-redis"),
        variable: "APSCHEDULER_TEST_REDIS",
        start: redis::start,
    },
    Service {
        name: "postgres",
        package: Some("apscheduler-store-postgres"),
        variable: "APSCHEDULER_TEST_POSTGRES",
        start: postgres::start,
    },
    Service {
        name: "mariadb",
        package: Some("apscheduler-store-mysql"),
        variable: "APSCHEDULER_TEST_MYSQL",
        start: mariadb::start,
    },
    // No store speaks to it yet; whoever writes one finds the server ready.
    Service {
        name: "mongodb",
        package: Some("apscheduler-store-mongodb"),
        variable: "APSCHEDULER_TEST_MONGODB",
        start: mongodb::start,
    },
];

/// The variable by which tests find the authority that signed the certificates of the servers.
const AUTHORITY: &str = "APSCHEDULER_TEST_CA";

/// Running servers, which end with this value.
pub(crate) struct Running {
    servers: Vec<(&'static str, Server)>,
    authority: String,
    folder: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.servers.clear();
        // What is left of them is of no use to anybody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    /// Starts the servers that the tests of these packages need, or of all packages where none is named. A server whose
    /// variable names one already is not started; one that can't be had is an error.
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
        let mut servers = Vec::new();
        for service in SERVICES.iter().filter(|service| wanted(service)) {
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
                .with_context(|| format!("can't get a {} server", service.name))?;
            eprintln!(
                "{}: {} after {:.1} s",
                service.name,
                server.url(),
                begin.elapsed().as_secs_f64()
            );
            servers.push((service.variable, server));
        }
        Ok(Self { servers, authority, folder })
    }

    /// The variables by which tests find the servers.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, &str)> {
        let urls = self.servers.iter().flat_map(|(variable, server)| {
            let plain = (String::from(*variable), server.url());
            let tls = server.tls_url.as_deref().map(|url| (format!("{variable}_TLS"), url));
            std::iter::once(plain).chain(tls)
        });
        urls.chain(std::iter::once((AUTHORITY.to_owned(), &*self.authority)))
    }
}

/// The kinds of server that a store speaks to.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().filter(|service| service.package.is_some()).map(|service| service.name)
}

/// Starts a server of this kind whose data outlives its process, with its data in this folder.
pub(crate) fn durable(name: &str, folder: &Path) -> Result<Server> {
    let service = SERVICES.iter().find(|service| service.name == name);
    let service = service.with_context(|| {
        format!("unknown server `{name}`; known: {}", names().collect::<Vec<_>>().join(", "))
    })?;
    let certificates = Certificates::make(&folder.with_extension("certificates"))?;
    let options = Options { durability: Durability::Process, certificates };
    (service.start)(folder, &options).with_context(|| format!("can't get a {name} server"))
}

/// Starts the servers, prints their variables, and keeps them until the input ends or a signal comes.
pub(crate) fn up() -> Result<()> {
    let running = Running::start(|_| true)?;
    eprintln!("\nTests find the servers by these variables; they stop when you press Enter.\n");
    let mut out = std::io::stdout();
    for (variable, url) in running.variables() {
        std::io::Write::write_fmt(&mut out, format_args!("export {variable}={url}\n"))?;
    }
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// A fresh folder that server users may go through: `/root` and the like are closed to them.
pub(crate) fn data_folder() -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("apscheduler-services-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    Ok(folder)
}
