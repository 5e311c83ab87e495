//! Primary keys. RethinkDB's have at most 127 bytes and no zero, so a longer id, for example, has a key that is derived from it.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The longest primary key, in bytes.
const LONGEST: usize = 127;

/// A name that no object in a query may have, because it makes the object something else.
const TYPE: &str = "$reql_type$";

/// What derived keys begin with.
const DERIVED: &str = "sha256:";

/// Returns the key of the job with this id.
pub(crate) fn key(id: &str) -> String {
    let is_valid = id.len() <= LONGEST && !id.contains('\0') && id != TYPE;
    if is_valid && !id.starts_with(DERIVED) {
        return id.to_owned();
    }
    let hash = Sha256::digest(id.as_bytes());
    let hex = hash.iter().map(|byte| format!("{byte:02x}"));
    std::iter::once(DERIVED.to_owned()).chain(hex).collect()
}

/// Sets the fields of a document about a job: its key, and the id if the key is derived from it.
pub(crate) fn set_job(
    document: &mut Map<String, Value>,
    [key_field, id_field]: [&str; 2],
    id: &str,
) {
    let key = key(id);
    if key != id {
        document.insert(id_field.to_owned(), id.into());
    }
    document.insert(key_field.to_owned(), key.into());
}

/// Reads the id of a job from these fields.
pub(crate) fn job_of<'a>(document: &'a Value, [key_field, id_field]: [&str; 2]) -> Option<&'a str> {
    let text = |field: &str| document.get(field).and_then(Value::as_str);
    text(id_field).or_else(|| text(key_field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_valid_and_unique() {
        let long = "é".repeat(64);
        let derived = key(&long);
        assert_eq!((derived.len(), &derived[..7]), (71, DERIVED));
        // An id that looks like a derived key has another one.
        assert_ne!(key(&derived), derived);
        assert_eq!(key("backup"), "backup");
        assert_eq!(key(&"a".repeat(127)).len(), 127);
        assert_eq!((key("a\0").len(), key(TYPE).len()), (71, 71));
    }

    #[test]
    fn ids_are_read_back() {
        for id in ["a", "nul\0", TYPE, &"x".repeat(500)] {
            let mut document = Map::new();
            set_job(&mut document, ["id", "job"], id);
            assert_eq!(job_of(&Value::Object(document), ["id", "job"]), Some(id));
        }
    }
}
