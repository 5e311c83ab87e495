//! A file with all changes, so that the data survives a kill of the process.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::datum::Datum;
use super::storage::TableName;

/// Writes each change as a line, if there is a file.
#[derive(Default)]
pub(super) struct Journal {
    file: Option<File>,
}

/// A change in the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Definition {
    Database { name: String },
    DropDatabase { name: String },
    Table { name: TableName },
    DropTable { name: TableName },
    Index { table: TableName, name: String, is_multi: bool, function: Value },
    DropIndex { table: TableName, name: String },
    Document { table: TableName, key: Value, document: Value },
}

impl Journal {
    /// Opens a file, and returns the changes in it. The last may be incomplete.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Definition>)> {
        let mut definitions = Vec::new();
        let mut whole = 0;
        if path.exists() {
            for line in BufReader::new(File::open(path)?).split(b'\n') {
                let line = line?;
                let Ok(definition) = serde_json::from_slice(&line) else { break };
                whole += line.len() as u64 + 1;
                definitions.push(definition);
            }
        }
        let file = File::options().create(true).append(true).open(path)?;
        file.set_len(whole)?;
        Ok((Self { file: Some(file) }, definitions))
    }

    pub(super) fn define(&mut self, definition: &Definition) {
        let Some(file) = &mut self.file else { return };
        let mut line = serde_json::to_vec(definition).expect("plain data");
        line.push(b'\n');
        file.write_all(&line).expect("the journal can be written");
    }

    pub(super) fn document(&mut self, table: &TableName, key: &Datum, document: &Datum) {
        if self.file.is_some() {
            let (key, document) = (key.json(), document.json());
            self.define(&Definition::Document { table: table.clone(), key, document });
        }
    }
}
