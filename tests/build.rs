//! Extracts the plugins from `docs/PLUGINS.md`, so that the conformance suites can test them.

use std::error::Error;
use std::path::Path;

const PAGE: &str = "../docs/PLUGINS.md";
/// The rest of the block shows how a program uses the plugin.
const END: &str = "\n// In a program:\n";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PAGE}");
    let page = std::fs::read_to_string(PAGE)?;
    let folder = std::env::var("OUT_DIR")?;
    for (heading, file) in
        [("A trigger", "trigger.rs"), ("A job store", "store.rs"), ("An executor", "executor.rs")]
    {
        let plugin = plugin(&page, heading).ok_or_else(|| {
            format!("{PAGE} has no plugin below `## {heading}` that ends at `{}`", END.trim())
        })?;
        std::fs::write(Path::new(&folder).join(file), plugin)?;
    }
    Ok(())
}

/// Returns the first Rust block of a section, up to the end of the plugin.
fn plugin<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n"))?;
    let section = section.split("\n## ").next()?;
    let (_, block) = section.split_once("\n```rust\n")?;
    let (block, _) = block.split_once("\n```")?;
    block.split_once(END).map(|(plugin, _)| plugin)
}
