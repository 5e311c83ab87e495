//! Converts flat dicts with dotted keys to nested ones.

use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// `{"p.a.b": 1}` with the prefix `p.` becomes `{"a": {"b": 1}}`. Keys without the prefix are ignored.
pub(super) fn nest<K: AsRef<str>, V: Into<Value>>(
    prefix: &str,
    pairs: impl IntoIterator<Item = (K, V)>,
) -> Result<Map<String, Value>> {
    let mut root = Map::new();
    for (key, value) in pairs {
        let Some(path) = key.as_ref().strip_prefix(prefix) else {
            continue;
        };
        let clash = || {
            Error::new(
                ErrorKind::Config,
                format!("`{}` is given both as a value and as a table", key.as_ref()),
            )
        };
        let mut table = &mut root;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_some() {
                let inner = table.entry(part).or_insert_with(|| Value::Object(Map::new()));
                table = inner.as_object_mut().ok_or_else(clash)?;
            } else {
                let value = value.into();
                match (table.get_mut(part), value) {
                    // A table `x` and a key `x.y` are merged.
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                    (Some(_), _) => return Err(clash()),
                    (None, value) => drop(table.insert(part.to_owned(), value)),
                }
                break;
            }
        }
    }
    Ok(root)
}
