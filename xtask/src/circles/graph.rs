//! The graph of imports, and its circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::names;
use super::tree::ModuleTree;

/// Files or folders that import each other.
#[derive(Debug)]
pub(super) struct Circle {
    /// The folder that contains all of them.
    folder: PathBuf,
    /// The imports between them.
    edges: Vec<Edge>,
}

/// The imports of one member of a circle from another.
#[derive(Debug)]
struct Edge {
    from: String,
    to: String,
    /// The imported names.
    names: BTreeSet<String>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "in {}:", self.folder.display())?;
        for Edge { from, to, names } in &self.edges {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            writeln!(f, "  {from} -> {to}: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// A name that one file imports from another.
struct Import<'t> {
    from: &'t Path,
    to: &'t Path,
    name: String,
}

/// Returns the circles of a crate, of files and of folders.
pub(super) fn circles(tree: &ModuleTree) -> Vec<Circle> {
    let mut folders: BTreeMap<PathBuf, BTreeMap<(String, String), BTreeSet<String>>> =
        BTreeMap::new();
    for import in imports(tree) {
        let (folder, from, to) = part(import.from, import.to);
        let edges = folders.entry(folder).or_default();
        edges.entry((from, to)).or_default().insert(import.name);
    }
    folders.into_iter().flat_map(|(folder, edges)| circles_within(&folder, &edges)).collect()
}

fn imports(tree: &ModuleTree) -> Vec<Import<'_>> {
    let mut imports = Vec::new();
    for (path, entry) in tree.iter() {
        for named in &entry.module.paths {
            let Some((target, name)) = names::definition(tree, path, &named.path) else { continue };
            let Some(other) = tree.get(&target) else { continue };
            let own = named.reexport && target.starts_with(path);
            if own || other.file == entry.file {
                continue;
            }
            let name = name.unwrap_or_else(|| target.join("::"));
            imports.push(Import { from: &entry.file, to: &other.file, name });
        }
    }
    imports
}

/// Returns the deepest folder that contains both files, and the file or folder in it that each of them belongs to.
fn part(from: &Path, to: &Path) -> (PathBuf, String, String) {
    let shared: PathBuf = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .map(|(component, _)| component)
        .collect();
    let below = |file: &Path| {
        let rest = file.strip_prefix(&shared).unwrap_or(file);
        let first = rest.components().next().map(Component::as_os_str).unwrap_or_default();
        first.to_string_lossy().into_owned()
    };
    let (from, to) = (below(from), below(to));
    (shared, from, to)
}

fn circles_within(
    folder: &Path,
    edges: &BTreeMap<(String, String), BTreeSet<String>>,
) -> Vec<Circle> {
    let mut graph = DiGraph::<&str, ()>::new();
    let mut nodes = BTreeMap::new();
    for (from, to) in edges.keys() {
        let from = *nodes.entry(from).or_insert_with(|| graph.add_node(from));
        let to = *nodes.entry(to).or_insert_with(|| graph.add_node(to));
        graph.add_edge(from, to, ());
    }
    let groups = tarjan_scc(&graph).into_iter().filter(|group| group.len() > 1);
    groups
        .map(|group| {
            let members: BTreeSet<&str> = group.iter().map(|node| graph[*node]).collect();
            let edge = |((from, to), names): (&(String, String), &BTreeSet<String>)| {
                (members.contains(&**from) && members.contains(&**to)).then(|| Edge {
                    from: from.clone(),
                    to: to.clone(),
                    names: names.clone(),
                })
            };
            Circle { folder: folder.to_owned(), edges: edges.iter().filter_map(edge).collect() }
        })
        .collect()
}
