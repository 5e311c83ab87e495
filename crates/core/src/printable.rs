//! Escapes text from users before it is shown.
//!
//! Ids and names may contain any character. Errors, log messages and tables are escaped, so that they can't move a cursor
//! or fake a line of a log.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes text for one line: control characters, and characters that change the direction of text, are written as in Rust
/// (`\n`, `\u{1b}`).
///
/// # Examples
/// ```
/// use apscheduler_core::printable;
///
/// assert_eq!(printable::line("a\nb\u{1b}[31m"), r"a\nb\u{1b}[31m");
/// ```
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |_| None)
}

/// Escapes text of several lines: as [`line()`], but line breaks and tabs stay. Lines after the first are indented, so that
/// they don't look like separate entries.
///
/// # Examples
/// ```
/// use apscheduler_core::printable;
///
/// assert_eq!(printable::lines("one\n2027-01-01 ERROR two\r\n"), "one\n    2027-01-01 ERROR two\\r\n");
/// ```
pub fn lines(text: &str) -> Cow<'_, str> {
    let end = text.trim_end_matches('\n').len();
    let (text, ends) = text.split_at(end);
    let shown = shown(text, |c| match c {
        '\n' => Some("\n    "),
        '\t' => Some("\t"),
        _ => None,
    });
    if ends.is_empty() { shown } else { Cow::Owned(shown.into_owned() + ends) }
}

fn shown(text: &str, instead: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match instead(c) {
            Some(instead) => shown.push_str(instead),
            // Writing to a String can't fail.
            None if is_unsafe(c) => drop(write!(shown, "{}", c.escape_default())),
            None => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Returns whether it is a control character, a line or paragraph separator, or a mark that changes the direction of text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_not_copied() {
        for text in ["", "backup", "naïve 日本語 👩‍👩‍👧‍👦", r"C:\new"] {
            assert!(matches!(line(text), Cow::Borrowed(_)), "{text}");
            assert!(matches!(lines(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(line("\t\r\n\0\u{7}\u{7f}\u{9b}31m"), r"\t\r\n\u{0}\u{7}\u{7f}\u{9b}31m");
        assert_eq!(line("a\u{202e}b\u{2028}c"), r"a\u{202e}b\u{2028}c");
        assert_eq!(lines("a\tb\u{1b}]0;title\u{7}\nc"), "a\tb\\u{1b}]0;title\\u{7}\n    c");
    }
}
