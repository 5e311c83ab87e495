//! Compiles the application of the Qt scheduler's tests for the benches.

const APPLICATION: &str = "../../plugins/schedulers/qt/tests/application/application.cpp";

fn main() {
    println!("cargo:rerun-if-changed={APPLICATION}");
    let qt = match pkg_config::Config::new().cargo_metadata(false).probe("Qt6Core") {
        Ok(qt) => qt,
        Err(error) => {
            panic!("the benches of Qt need Qt 6 (Debian: qt6-base-dev, pkg-config): {error}")
        }
    };
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file(APPLICATION)
        .includes(&qt.include_paths)
        .compile("application");
    // The linker needs them after the code that uses them.
    for path in &qt.link_paths {
        println!("cargo:rustc-link-search=native={}", path.display());
    }
    for library in &qt.libs {
        println!("cargo:rustc-link-lib={library}");
    }
}
