//! Compiles the C++ that speaks to Qt.

use std::path::Path;

/// The application that the tests run in. A crate from a registry comes without.
const APPLICATION: &str = "tests/application/application.cpp";

fn main() {
    let qt = match pkg_config::Config::new().atleast_version("6.2").probe("Qt6Core") {
        Ok(qt) => qt,
        Err(error) => panic!(
            "apscheduler-scheduler-qt needs Qt 6.2 or later with its headers (Debian: qt6-base-dev, pkg-config): {error}"
        ),
    };
    let compiler = |file: &str| {
        println!("cargo:rerun-if-changed={file}");
        let mut compiler = cc::Build::new();
        compiler.cpp(true).std("c++17").file(file).includes(&qt.include_paths);
        compiler
    };
    compiler("src/turns.cpp").compile("apscheduler_scheduler_qt");
    if Path::new(APPLICATION).exists() {
        compiler(APPLICATION).cargo_metadata(false).compile("application");
        let folder = std::env::var("OUT_DIR").expect("cargo says where to write");
        println!("cargo:rustc-link-arg-tests={folder}/libapplication.a");
    }
}
