//! `${NAME}` in values: variables of the environment.

use serde_json::Value;

/// Looks a variable up: `None` where it is not set, an error where it can't be used.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Result<Option<String>, String> + 'a;

/// The environment of this process.
pub(super) fn environment(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the environment variable `{name}` holds no UTF-8 text"))
        }
    }
}

/// Puts variables into every text in `value`. `path` is the key of the value, for errors.
///
/// | text | becomes |
/// |---|---|
/// | `${NAME}` | the variable; an error where it is not set |
/// | `${NAME:-text}` | the variable, or the text where it is not set or empty |
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
        let (before, behind) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = behind;
            continue;
        }
        expanded.push_str(before);
        let (inside, behind) = behind.split_once('}').ok_or_else(|| {
            "`${` has no `}` behind it; write `$${` for a literal `${`".to_owned()
        })?;
        expanded.push_str(&variable(inside, lookup)?);
        rest = behind;
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
            "`${{{inside}}}` is no variable; expected `${{NAME}}` or `${{NAME:-default}}`, or `$${{` for a literal `${{`"
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
            "BAD" => Err("BAD holds no text".to_owned()),
            _ => Ok(None),
        }
    }

    fn expanded(text: &str) -> Result<String, String> {
        expand_text(text, &lookup)
    }

    #[test]
    fn variables_and_defaults_are_put_in() {
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
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("${NONE}", "the environment variable `NONE` is not set"),
            ("${HOST", "`${` has no `}` behind it"),
            ("${file%.*}", "`${file%.*}` is no variable"),
            ("${}", "is no variable"),
            ("${1}", "is no variable"),
            ("${BAD}", "BAD holds no text"),
        ] {
            let error = expanded(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_key_is_named() {
        let mut value = json!([{"a": 1}, {"kwargs": {"list": ["x", "${NONE}"]}}]);
        let error = expand(&mut value, "jobs", &lookup).unwrap_err();
        assert!(
            error.starts_with("jobs[1].kwargs.list[1]: the environment variable `NONE`"),
            "{error}"
        );
    }
}
