//! Replaces `${NAME}` in values by environment variables.

use serde_json::Value;

/// Looks up a variable. Returns `None` if it is not set, and an error if its value can't be used.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Result<Option<String>, String> + 'a;

/// Looks up a variable in the environment of this process.
pub(super) fn environment(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the environment variable `{name}` is not valid UTF-8"))
        }
    }
}

/// Replaces variables in every text in `value`. `path` is the key of the value, for errors.
///
/// | text | replaced by |
/// |---|---|
/// | `${NAME}` | the variable; an error if it is not set |
/// | `${NAME:-text}` | the variable, or the text if the variable is not set or empty |
/// | `$${` | `${` |
pub(super) fn expand(value: &mut Value, path: &str, lookup: &Lookup<'_>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            if text.contains("${") {
                *text =
                    expand_text(text, lookup).map_err(|message| format!("{path}: {message}"))?;
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| expand(item, &format!("{path}[{index}]"), lookup)),
        Value::Object(table) => table.iter_mut().try_for_each(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            expand(value, &path, lookup)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn expand_text(text: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let (inside, after) = after.split_once('}').ok_or_else(|| {
            "`${` without a closing `}`; write `$${` for a literal `${`".to_owned()
        })?;
        expanded.push_str(&variable(inside, lookup)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn variable(inside: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let is_name = !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(format!(
            "`${{{inside}}}` is not a valid variable; expected `${{NAME}}` or `${{NAME:-default}}`, or `$${{` for a literal `${{`"
        ));
    }
    match (lookup(name)?, default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!(
            "the environment variable `{name}` is not set; set it, give a default as `${{{name}:-text}}`, or write `$${{` \
             for a literal `${{`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lookup(name: &str) -> Result<Option<String>, String> {
        match name {
            "HOST" => Ok(Some("db".to_owned())),
            "EMPTY" => Ok(Some(String::new())),
            "BAD" => Err("BAD is not text".to_owned()),
            _ => Ok(None),
        }
    }

    fn expanded(text: &str) -> Result<String, String> {
        expand_text(text, &lookup)
    }

    #[test]
    fn replaces_variables_and_defaults() {
        for (text, expected) in [
            ("plain $HOME", "plain $HOME"),
            ("${HOST}", "db"),
            ("a-${HOST}-b-${HOST}", "a-db-b-db"),
            ("${NONE:-x y}", "x y"),
            ("${NONE:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY}", ""),
            ("${HOST:-x}", "db"),
            ("echo $${HOME} ${HOST} $$", "echo ${HOME} db $$"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn rejects_unset_and_malformed_variables() {
        for (text, expected) in [
            ("${NONE}", "the environment variable `NONE` is not set"),
            ("${HOST", "`${` without a closing `}`"),
            ("${file%.*}", "`${file%.*}` is not a valid variable"),
            ("${}", "is not a valid variable"),
            ("${1}", "is not a valid variable"),
            ("${BAD}", "BAD is not text"),
        ] {
            let error = expanded(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn errors_name_the_key() {
        let mut value = json!([{"a": 1}, {"kwargs": {"list": ["x", "${NONE}"]}}]);
        let error = expand(&mut value, "jobs", &lookup).unwrap_err();
        assert!(
            error.starts_with("jobs[1].kwargs.list[1]: the environment variable `NONE`"),
            "{error}"
        );
    }
}
