//! Where in a body an error is.

use serde_json::Value;

/// Returns the JSON pointer (RFC 6901) to the value that a message is about: its places, as in `trigger: hour: expected ...`,
/// are followed in the body as far as they exist there.
pub(super) fn pointer(body: &Value, message: &str) -> Option<String> {
    let (mut at, mut pointer) = (body, String::new());
    for place in message.split(": ") {
        // `trigger `cron`` is the value of `trigger` too.
        let place = place.split(" `").next().unwrap_or(place);
        if let Some((found, path)) = follow(at, place) {
            at = found;
            pointer += &path;
        }
    }
    for start in ["unknown option `", "unknown field `"] {
        let key = message.split_once(start).and_then(|(_, rest)| rest.split_once('`'));
        if let Some((found, path)) = key.and_then(|(key, _)| child(at, key)) {
            at = found;
            pointer += &path;
        }
    }
    if let Some(path) = unknown_value(at, message) {
        pointer += &path;
    }
    (!pointer.is_empty()).then_some(pointer)
}

/// Returns the path to the value that a message calls unknown, as in "unknown trigger `corn`".
fn unknown_value(of: &Value, message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown ")?;
    let name = rest.split('`').nth(1)?;
    let (key, _) = of.as_object()?.iter().find(|(_, value)| *value == name)?;
    child(of, key).map(|(_, path)| path)
}

/// Follows a path such as `calendars[2].name`.
fn follow<'a>(from: &'a Value, path: &str) -> Option<(&'a Value, String)> {
    let (mut at, mut pointer) = (from, String::new());
    for part in path.split(['.', '[']) {
        let (found, step) = child(at, part.strip_suffix(']').unwrap_or(part))?;
        at = found;
        pointer += &step;
    }
    Some((at, pointer))
}

fn child<'a>(of: &'a Value, key: &str) -> Option<(&'a Value, String)> {
    let found = match of {
        Value::Object(table) => table.get(key)?,
        Value::Array(items) => items.get(key.parse::<usize>().ok()?)?,
        _ => return None,
    };
    Some((found, format!("/{}", key.replace('~', "~0").replace('/', "~1"))))
}

/// Returns the value that would be right, as a message suggests it.
pub(super) fn suggestion(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("did you mean `")?;
    rest.split_once('`').map(|(suggestion, _)| suggestion.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_point_into_the_body() {
        let body = json!({
            "trigger": {"type": "cron", "hour": 25, "hou": 1, "list": [{"a/b~": 1}]},
            "max_instances": "x",
            "id": "a"
        });
        for (message, expected) in [
            (
                "the job: max_instances: expected a whole number, found text \"x\"",
                Some("/max_instances"),
            ),
            ("trigger: hour: expected 0 to 23", Some("/trigger/hour")),
            ("trigger `cron`: unknown option `hou`; did you mean `hour`?", Some("/trigger/hou")),
            ("trigger.list[0]: unknown option `a/b~`", Some("/trigger/list/0/a~1b~0")),
            ("trigger: unknown trigger `cron`; did you mean `corn`?", Some("/trigger/type")),
            ("the job: `func` is missing", None),
            ("something else: entirely", None),
        ] {
            assert_eq!(pointer(&body, message).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn the_nearest_right_value_is_taken_from_the_message() {
        assert_eq!(
            suggestion("unknown trigger `corn`; did you mean `cron`? known ..."),
            Some("cron".to_owned())
        );
        assert_eq!(suggestion("expected 0 to 23"), None);
    }
}
