//! Compiles the window of the Qt example.

fn main() {
    println!("cargo:rerun-if-changed=window.cpp");
    let qt = match pkg_config::Config::new().cargo_metadata(false).probe("Qt6Widgets") {
        Ok(qt) => qt,
        Err(error) => {
            panic!("the Qt example needs Qt 6 (Debian: qt6-base-dev, pkg-config): {error}")
        }
    };
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file("window.cpp")
        .includes(&qt.include_paths)
        .compile("window");
    // The linker needs them after the code that uses them.
    for path in &qt.link_paths {
        println!("cargo:rustc-link-search=native={}", path.display());
    }
    for library in &qt.libs {
        println!("cargo:rustc-link-lib={library}");
    }
}
