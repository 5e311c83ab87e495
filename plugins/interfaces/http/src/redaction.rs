//! Hides secrets in what is shown of jobs and runs.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::{Map, Value};

/// What stands in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// Keys that contain one of these words have secret values. Case, `-` and `_` do not matter.
const WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "cookie",
];

/// Keys of jobs and records that identify something. They are shown as they are: links are made of them.
const IDENTIFYING: [&str; 15] = [
    "id",
    "job_id",
    "jobstore",
    "path",
    "revision",
    "run_id",
    "run_ids",
    "owner",
    "alias",
    "func",
    "status",
    "state",
    "event",
    "seq",
    "next_run_time",
];

/// The password of a URL.
static URL_PASSWORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?P<user>[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@]*):[^\s/?#]*@").ok()
});

/// The credentials of an HTTP header.
static CREDENTIALS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?P<scheme>bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}").ok());

/// Hides secrets: values of keys that contain certain words, passwords of URLs, and in text also what follows such a key.
#[derive(Clone, Debug)]
pub(crate) struct Redaction {
    words: Vec<String>,
    /// `password=x`, `--password x`, `"password": "x"` in text.
    in_text: Option<Regex>,
}

impl Redaction {
    /// Hides values of keys with one of these words too.
    pub(crate) fn new(more: &[String]) -> Self {
        let words = WORDS.iter().map(|word| (*word).to_owned());
        let words: Vec<String> = words
            .chain(more.iter().map(|word| plain(word)))
            .filter(|word| !word.is_empty())
            .collect();
        // Between the letters of a word there may be `-` and `_`.
        let spelled = |word: &String| {
            let letters: Vec<String> =
                word.chars().map(|letter| regex_lite::escape(&letter.to_string())).collect();
            letters.join("[-_]?")
        };
        let any = words.iter().map(spelled).collect::<Vec<_>>().join("|");
        let value = r#""(?:[^"\\]|\\.)*"|'[^']*'|[^\s"',;&}\])]+"#;
        let pattern = format!(
            r#"(?i)(?P<key>[\w-]*(?:{any})[\w-]*\\?["']?(?:\s*[=:]\s*|\s+(?:=>\s*)?))(?P<value>\\?(?:{value}))"#
        );
        Self { words, in_text: Regex::new(&pattern).ok() }
    }

    /// Hides what is secret in a job or a record: everything but what identifies it.
    pub(crate) fn record(&self, record: &mut Value) {
        if let Value::Object(record) = record {
            for (key, value) in record.iter_mut() {
                if !IDENTIFYING.contains(&key.as_str()) {
                    self.value(value);
                }
            }
        }
    }

    /// Hides what is secret in a value.
    pub(crate) fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(shown) = self.text(text) {
                    *text = shown;
                }
            }
            Value::Array(items) => self.list(items),
            Value::Object(table) => self.table(table),
            _ => {}
        }
    }

    fn table(&self, table: &mut Map<String, Value>) {
        for (key, value) in table.iter_mut() {
            if self.is_secret(key) {
                hide(value);
            } else {
                self.value(value);
            }
        }
    }

    fn list(&self, items: &mut [Value]) {
        let mut is_secret = false;
        for item in items {
            if std::mem::take(&mut is_secret) {
                hide(item);
                continue;
            }
            // The option of a command line, whose value is the next item.
            is_secret = item.as_str().is_some_and(|text| {
                text.starts_with('-') && !text.contains(['=', ' ']) && self.is_secret(text)
            });
            self.value(item);
        }
    }

    /// Hides what is secret in text.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let shown = without_passwords(text);
        // Most text has none of the words, which is found sooner than by the pattern.
        let Some(pattern) = self.in_text.as_ref().filter(|_| self.is_secret(text)) else {
            return shown;
        };
        let replaced = pattern.replace_all(&shown, |found: &Captures<'_>| {
            let (key, value) = (&found["key"], &found["value"]);
            // After a space, only an option of a command line has a value: `--password x`.
            let is_option = key.starts_with('-');
            let has_sign = key.contains(['=', ':']);
            if (has_sign || is_option) && !value.contains(REDACTED) {
                format!("{key}{REDACTED}")
            } else {
                found[0].to_owned()
            }
        });
        match replaced {
            Cow::Owned(replaced) if replaced != shown => Cow::Owned(replaced),
            _ => shown,
        }
    }

    fn is_secret(&self, key: &str) -> bool {
        let key = plain(key);
        self.words.iter().any(|word| key.contains(word))
    }
}

/// Hides the passwords of URLs, and the credentials of HTTP headers.
pub(crate) fn without_passwords(text: &str) -> Cow<'_, str> {
    let has_url = text.contains("://") && text.contains('@');
    let lower = text.to_ascii_lowercase();
    let has_credentials = lower.contains("bearer") || lower.contains("basic");
    let mut shown = Cow::Borrowed(text);
    for (is_wanted, pattern, with) in [
        (has_url, &URL_PASSWORD, format!("${{user}}:{REDACTED}@")),
        (has_credentials, &CREDENTIALS, format!("${{scheme}} {REDACTED}")),
    ] {
        if is_wanted
            && let Some(pattern) = &**pattern
            && let Cow::Owned(replaced) = pattern.replace_all(&shown, with.as_str())
        {
            shown = Cow::Owned(replaced);
        }
    }
    shown
}

/// Returns whether something in a value was hidden, so that it is not the value that was meant.
pub(crate) fn is_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(REDACTED),
        Value::Array(items) => items.iter().any(is_redacted),
        Value::Object(table) => table.values().any(is_redacted),
        _ => false,
    }
}

fn hide(value: &mut Value) {
    // Nothing is nothing to hide.
    if !value.is_null() {
        *value = Value::from(REDACTED);
    }
}

fn plain(key: &str) -> String {
    key.chars().filter(|letter| !matches!(letter, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(mut value: Value) -> Value {
        Redaction::new(&["PIN".to_owned()]).value(&mut value);
        value
    }

    #[test]
    fn values_of_secret_keys_are_hidden() {
        let given = json!({"url": "/x", "API-Key": "abc", "db_password": {"x": 1}, "no_token": null, "pin_code": 1234, "deep": [{"Cookie": "a"}]});
        let expected = json!({"url": "/x", "API-Key": REDACTED, "db_password": REDACTED, "no_token": null, "pin_code": REDACTED, "deep": [{"Cookie": REDACTED}]});
        assert_eq!(shown(given), expected);
    }

    #[test]
    fn passwords_in_urls_and_headers_are_hidden() {
        for (text, expected) in [
            ("redis://ada:hunter2@host/0", "redis://ada:[redacted]@host/0"),
            (
                "can't reach postgres://:p%40ss@h, retrying",
                "can't reach postgres://:[redacted]@h, retrying",
            ),
            ("http://host:8080/a@b", "http://host:8080/a@b"),
            ("Authorization: Bearer abcdefghijkl", "Authorization: [redacted] [redacted]"),
            ("sent Basic dXNlcjpwYXNz now", "sent Basic [redacted] now"),
        ] {
            assert_eq!(shown(json!(text)), expected, "{text}");
        }
    }

    #[test]
    fn secrets_in_text_are_hidden() {
        for (text, expected) in [
            ("login password=hunter2&user=ada", "login password=[redacted]&user=ada"),
            ("run --db-password hunter2 --verbose", "run --db-password [redacted] --verbose"),
            ("{\"api_key\": \"a b\", \"n\": 1}", "{\"api_key\": [redacted], \"n\": 1}"),
            ("SECRET_TOKEN: 'x y'", "SECRET_TOKEN: [redacted]"),
            ("the password is wrong", "the password is wrong"),
            ("no secrets here", "no secrets here"),
        ] {
            assert_eq!(shown(json!(text)), expected, "{text}");
        }
        assert_eq!(
            shown(json!(["curl", "--token", "abc", "--pin=7", "x"])),
            json!(["curl", "--token", REDACTED, "--pin=[redacted]", "x"])
        );
    }

    #[test]
    fn what_identifies_a_record_stays() {
        let mut record = json!({"id": "token=1", "path": "default:token%3D1", "error": "token=1"});
        Redaction::new(&[]).record(&mut record);
        assert_eq!(
            record,
            json!({"id": "token=1", "path": "default:token%3D1", "error": "token=[redacted]"})
        );
        assert!(is_redacted(&record) && !is_redacted(&json!({"a": ["b"]})));
    }
}
