//! The system libraries that crates link with all features.

use anyhow::{Context as _, Result};

use crate::debian::{require, require_library};

struct Library {
    /// Its name in pkg-config.
    name: &'static str,
    /// The Debian packages that contain it.
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

/// Installs the libraries that these crates link, or those of all crates if `crates` is empty.
pub(crate) fn require_for(crates: &[&str]) -> Result<()> {
    let links = |library: &&Library| {
        crates.is_empty() || library.crates.iter().any(|name| crates.contains(name))
    };
    for library in LIBRARIES.iter().filter(links) {
        require("g++", &["g++"])?;
        require_library(library.name, library.packages)
            .with_context(|| format!("can't install the library {}", library.name))?;
    }
    Ok(())
}
