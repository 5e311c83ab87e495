//! From a path in the code to the module that defines what it names.

use super::module::Segments;
use super::tree::ModuleTree;

/// Re-exports of re-exports end somewhere; a name that leads to itself does not.
const MAX_STEPS: usize = 32;

/// The module that defines what `path` names in the module `from`, with the name there; `None` for a name of another
/// crate.
pub(super) fn definition(
    tree: &ModuleTree,
    from: &[String],
    path: &[String],
) -> Option<(Segments, Option<String>)> {
    let (start, rest) = begin(tree, from, path)?;
    follow(tree, start, rest, MAX_STEPS)
}

/// The module at which a path begins, and what is left of the path.
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
                // `use log;` in a file that has no module `log` is the crate.
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
