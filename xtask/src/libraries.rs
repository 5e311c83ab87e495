//! The system libraries that crates link where all features are on.

use anyhow::{Context as _, Result};

use crate::debian::{require, require_library};

struct Library {
    /// As pkg-config knows it.
    name: &'static str,
    /// The packages of Debian that bring it.
    packages: &'static [&'static str],
    /// The crates that link it, with all their features.
    crates: &'static [&'static str],
}

static LIBRARIES: [Library; 2] = [
    Library {
        name: "glib-2.0",
        packages: &["libglib2.0-dev"],
        crates: &[
            "apscheduler",
            "apscheduler-benches-desktop",
            "apscheduler-examples-desktop",
            "apscheduler-scheduler-glib",
        ],
    },
    Library {
        name: "Qt6Widgets",
        packages: &["qt6-base-dev"],
        crates: &[
            "apscheduler",
            "apscheduler-benches-desktop",
            "apscheduler-examples-desktop",
            "apscheduler-scheduler-qt",
        ],
    },
];

/// Makes sure of the libraries that these crates link, or all crates where none is named.
pub(crate) fn require_for(crates: &[&str]) -> Result<()> {
    let links = |library: &&Library| {
        crates.is_empty() || library.crates.iter().any(|name| crates.contains(name))
    };
    for library in LIBRARIES.iter().filter(links) {
        require("g++", &["g++"])?;
        require_library(library.name, library.packages)
            .with_context(|| format!("can't get the library {}", library.name))?;
    }
    Ok(())
}
