//! Resolves a path to the module that defines the item.

use super::module::Segments;
use super::tree::ModuleTree;

/// The longest chain of re-exports to follow; a name that leads to itself has no end.
const MAX_STEPS: usize = 32;

/// Returns the module that defines the item at `path`, seen from the module `from`, and the name of the item there. Returns
/// `None` for an item of another crate.
pub(super) fn definition(
    tree: &ModuleTree,
    from: &[String],
    path: &[String],
) -> Option<(Segments, Option<String>)> {
    let (start, rest) = begin(tree, from, path)?;
    follow(tree, start, rest, MAX_STEPS)
}

/// Returns the module at which a path begins, and the rest of the path.
fn begin<'p>(
    tree: &ModuleTree,
    from: &[String],
    path: &'p [String],
) -> Option<(Segments, &'p [String])> {
    match path.first()?.as_str() {
        "crate" => Some((Segments::new(), &path[1..])),
        "self" => Some((from.to_vec(), &path[1..])),
        "super" => {
            let mut module = from.to_vec();
            let mut rest = path;
            while rest.first().is_some_and(|name| name == "super") {
                module.pop()?;
                rest = &rest[1..];
            }
            Some((module, rest))
        }
        first => {
            let module = &tree.get(from)?.module;
            let is_child = module.children.iter().any(|child| child.name == first);
            (is_child || module.uses.contains_key(first)).then(|| (from.to_vec(), path))
        }
    }
}

fn follow(
    tree: &ModuleTree,
    mut module: Segments,
    path: &[String],
    steps: usize,
) -> Option<(Segments, Option<String>)> {
    let steps = steps.checked_sub(1)?;
    let mut rest = path;
    while let Some((name, after)) = rest.split_first() {
        let read = &tree.get(&module)?.module;
        if read.children.iter().any(|child| child.name == *name) {
            module.push(name.clone());
            rest = after;
            continue;
        }
        if read.defined.contains(name) {
            break;
        }
        if let Some(target) = read.uses.get(name) {
            let mut path = target.clone();
            path.extend_from_slice(after);
            let (start, path) = begin(tree, &module, &path).filter(|(start, path)| {
                // In a file without a module `log`, `use log;` names a crate.
                !(start == &module && path.first() == Some(name))
            })?;
            return follow(tree, start, path, steps);
        }
        return read
            .globs
            .iter()
            .find_map(|glob| {
                let mut path = glob.clone();
                path.extend_from_slice(rest);
                let (start, path) = begin(tree, &module, &path)?;
                let found = follow(tree, start, path, steps)?;
                let defined = &tree.get(&found.0)?.module.defined;
                found.1.as_ref().is_some_and(|name| defined.contains(name)).then_some(found)
            })
            .or_else(|| Some((module.clone(), Some(name.clone()))));
    }
    Some((module, rest.first().cloned()))
}
