//! Statements in SQL, several at once.

use mysql::prelude::Queryable as _;
use mysql::{Conn, Row, Value};

use crate::failure::Failure;

/// The most rows in one statement that finds them by their key: with more, the server no longer looks them up.
pub(crate) const STATEMENT: usize = 1000;

/// The most bytes to send at once, unless a single statement or row has more.
const BYTES: usize = 1 << 20;

/// The server's answer to one statement.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
}

/// Sends several statements at once, and returns the answers. The server stops at the first statement that fails.
pub(crate) fn answers(connection: &mut Conn, statements: &str) -> Result<Vec<Answer>, Failure> {
    let mut result = connection.query_iter(statements)?;
    let mut answers = Vec::new();
    // Dropping the result would ignore errors of all statements but the first.
    while let Some(set) = result.iter() {
        answers.push(Answer { rows: set.collect::<Result<_, _>>()? });
    }
    Ok(answers)
}

/// Joins statements to be sent at once, as far as they are not too long for that.
pub(crate) fn packets(statements: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut packets: Vec<String> = Vec::new();
    for statement in statements {
        push(&mut packets, "; ", statement, |statement| statement);
    }
    packets
}

/// Appends text to the last part, or to a new part if it would be too long.
fn push(parts: &mut Vec<String>, separator: &str, text: String, begin: impl Fn(String) -> String) {
    match parts.last_mut() {
        Some(part) if part.len() + text.len() < BYTES => {
            part.push_str(separator);
            part.push_str(&text);
        }
        _ => parts.push(begin(text)),
    }
}

/// Returns statements that add rows, and leave those alone that exist. `key` is a column of their primary key.
pub(crate) fn insert_missing(
    table: &str,
    columns: &str,
    key: &str,
    rows: impl Iterator<Item = String>,
) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    for row in rows {
        let begin = |row| format!("INSERT INTO {table} ({columns}) VALUES {row}");
        push(&mut statements, ", ", row, begin);
    }
    let end = format!(" ON DUPLICATE KEY UPDATE {key} = VALUES({key})");
    for statement in &mut statements {
        statement.push_str(&end);
    }
    statements
}

/// Returns a statement that deletes rows by their primary key, and locks no other. The name of the table in conditions is
/// `gone`.
pub(crate) fn delete<'a>(table: &str, key: &str, keys: impl Iterator<Item = &'a str>) -> String {
    format!(
        "DELETE gone FROM {table} AS gone FORCE INDEX (PRIMARY) WHERE gone.{key} IN ({})",
        literals(keys)
    )
}

/// Quotes text for SQL. Sessions use backslash escapes and UTF-8.
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).as_sql(false)
}

/// Quotes several texts, separated by commas.
pub(crate) fn literals<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(literal).collect::<Vec<_>>().join(", ")
}

/// Returns a number, or `NULL`.
pub(crate) fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "NULL".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escaped() {
        assert_eq!(literal("a'b\\c\0\n\u{1a}"), r"'a\'b\\c\0\n\Z'");
        assert_eq!(literals(["ä", "😀 "].into_iter()), "'ä', '😀 '");
    }

    #[test]
    fn what_is_too_long_is_sent_in_parts() {
        let rows = ["(1)".to_owned(), "(2)".to_owned(), format!("('{}')", "x".repeat(BYTES))];
        let statements = insert_missing("runs", "id", "id", rows.into_iter());
        let end = " ON DUPLICATE KEY UPDATE id = VALUES(id)";
        assert_eq!(statements[0], format!("INSERT INTO runs (id) VALUES (1), (2){end}"));
        assert!(statements[1].starts_with("INSERT INTO runs (id) VALUES ('xxx"));
        assert!(statements.len() == 2 && statements[1].ends_with(end));
        let long = statements[1].clone();
        let sent = packets(["A", "B", &long, "COMMIT"].map(str::to_owned));
        assert_eq!(sent, ["A; B", &long, "COMMIT"]);
        assert!(packets([]).is_empty());
    }
}
