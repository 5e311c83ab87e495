//! The system libraries that crates link with all features, and the programs that build them.

use anyhow::{Context as _, Result};

use crate::debian::{require, require_library};

/// What is installed.
enum Needed {
    /// A program with this name.
    Program(&'static str),
    /// A library with this name in pkg-config.
    Library(&'static str),
}

use Needed::{Library, Program};

struct Requirement {
    needed: Needed,
    /// The Debian packages that contain it.
    packages: &'static [&'static str],
    /// The crates that need it, with all their features.
    crates: &'static [&'static str],
}

/// The crates that link the client of etcd, which is generated from `.proto` files.
const ETCD: &[&str] =
    &["apscheduler", "apscheduler-benches", "apscheduler-cli", "apscheduler-store-etcd"];

/// The crates that link a toolkit.
const DESKTOP: &[&str] = &[
    "apscheduler",
    "apscheduler-benches-desktop",
    "apscheduler-examples-desktop",
    "apscheduler-scheduler-glib",
    "apscheduler-scheduler-qt",
];

static REQUIREMENTS: [Requirement; 5] = [
    Requirement { needed: Program("protoc"), packages: &["protobuf-compiler"], crates: ETCD },
    Requirement { needed: Library("protobuf"), packages: &["libprotobuf-dev"], crates: ETCD },
    Requirement { needed: Program("g++"), packages: &["g++"], crates: DESKTOP },
    Requirement {
        needed: Library("glib-2.0"),
        packages: &["libglib2.0-dev"],
        crates: &[
            "apscheduler",
            "apscheduler-benches-desktop",
            "apscheduler-examples-desktop",
            "apscheduler-scheduler-glib",
        ],
    },
    Requirement {
        needed: Library("Qt6Widgets"),
        packages: &["qt6-base-dev"],
        crates: &[
            "apscheduler",
            "apscheduler-benches-desktop",
            "apscheduler-examples-desktop",
            "apscheduler-scheduler-qt",
        ],
    },
];

/// Installs what these crates need, or what all crates need if `crates` is empty.
pub(crate) fn require_for(crates: &[&str]) -> Result<()> {
    let is_needed = |requirement: &&Requirement| {
        crates.is_empty() || requirement.crates.iter().any(|name| crates.contains(name))
    };
    for requirement in REQUIREMENTS.iter().filter(is_needed) {
        match requirement.needed {
            Program(name) => require(name, requirement.packages)
                .with_context(|| format!("can't install the program {name}"))?,
            Library(name) => require_library(name, requirement.packages)
                .with_context(|| format!("can't install the library {name}"))?,
        }
    }
    Ok(())
}
