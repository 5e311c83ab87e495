//! Single values of options: their kinds, booleans and numbers as text.

use serde_json::Value;

/// Returns the kind of a value, for errors that must not show the value because it may contain a password.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Reads a boolean as APScheduler does: `true yes on y t 1` and `false no off n f 0`, in any case.
///
/// # Examples
/// ```
/// use apscheduler_core::options::parse_bool;
/// assert_eq!(parse_bool(" Yes "), Some(true));
/// assert_eq!(parse_bool("off"), Some(false));
/// assert_eq!(parse_bool("maybe"), None);
/// ```
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
        _ => None,
    }
}

/// Formats a number for messages, with an exponent if it has many digits.
///
/// # Examples
/// ```
/// use apscheduler_core::options::number_text;
///
/// assert_eq!(number_text(-2.5), "-2.5");
/// assert_eq!(number_text(30.0), "30");
/// assert_eq!(number_text(1e308), "1e308");
/// ```
pub fn number_text(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-5..1e16).contains(&size) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// Returns the first whole number in a JSON text that does not fit into 64 bits. JSON parsers silently turn such numbers into
/// floats, and an error would show another number than the one that was given.
///
/// # Examples
/// ```
/// use apscheduler_core::options::oversized_integer;
///
/// let text = r#"{"a": "99999999999999999999", "b": [1e30, -99999999999999999999]}"#;
/// assert_eq!(oversized_integer(text), Some("-99999999999999999999"));
/// assert_eq!(oversized_integer("[18446744073709551615, 1.5, true]"), None);
/// ```
pub fn oversized_integer(json: &str) -> Option<&str> {
    let mut rest = json;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = after_text(text)?;
            continue;
        }
        let is_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c)).unwrap_or(rest.len()));
        let digits = number.strip_prefix('-').unwrap_or(number);
        let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = after;
    }
    None
}

/// Returns what follows a JSON string whose opening quote was read.
fn after_text(text: &str) -> Option<&str> {
    let mut escaped = false;
    let end = text.find(|c: char| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    })?;
    Some(&text[end + 1..])
}
