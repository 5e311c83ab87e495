//! Explains why an existing file can't be executed although the system reports "not found".

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How many bytes of the first line the system reads.
const FIRST_LINE: u64 = 256;

/// Finds the file of a program as the system does. `path` is the search path of the program.
pub(crate) fn find(program: &str, cwd: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let here = |file: &Path| cwd.map_or_else(|| file.to_owned(), |cwd| cwd.join(file));
    if program.contains('/') {
        return Some(here(Path::new(program))).filter(|file| file.is_file());
    }
    let inherited = env::var_os("PATH");
    let path = path.or(inherited.as_deref())?;
    env::split_paths(path).map(|folder| here(&folder.join(program))).find(|file| file.is_file())
}

/// Explains why an existing file can't be executed, from its first line. `None` if the first line is correct.
pub(crate) fn fault(file: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(file).ok()?.take(FIRST_LINE).read_to_end(&mut start).ok()?;
    let shown = file.display();
    let Some(line) = start.strip_prefix(b"#!") else {
        return start.starts_with(b"\x7fELF").then(|| {
            format!("`{shown}` was built for another system: its loader does not exist here")
        });
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.ends_with(b"\r") {
        return Some(format!(
            "the first line of `{shown}` ends with a carriage return (CRLF), so the system can't find the interpreter; save \
             the script with LF line endings"
        ));
    }
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let Some(interpreter) = words.next() else {
        return Some(format!("the first line of `{shown}` names no interpreter after `#!`"));
    };
    if !Path::new(interpreter).is_file() {
        return Some(format!("the interpreter `{interpreter}` of `{shown}` does not exist"));
    }
    if Path::new(interpreter).file_name() != Some(OsStr::new("env")) {
        return None;
    }
    let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    find(name, None, None)
        .is_none()
        .then(|| format!("the interpreter `{name}` of `{shown}` is not in the search path"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn explains_a_wrong_first_line() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("script");
        let cases: [(&[u8], &str); 6] = [
            (b"#!/bin/sh\r\necho\r\n", "ends with a carriage return (CRLF)"),
            (b"#!/usr/bin/env sh\r\necho\r\n", "ends with a carriage return (CRLF)"),
            (b"#!/no/such/python -u\n", "the interpreter `/no/such/python` of"),
            (b"#! /usr/bin/env -S no-such-python -u\n", "`no-such-python` of"),
            (b"#!\n", "names no interpreter"),
            (b"\x7fELF\x02", "was built for another system"),
        ];
        for (text, expected) in cases {
            fs::write(&file, text).unwrap();
            let fault = fault(&file).unwrap();
            assert!(fault.contains(expected), "{fault}");
        }
        for fine in ["#!/bin/sh\necho\n", "#!/usr/bin/env sh\n", "echo\n", ""] {
            fs::write(&file, fine).unwrap();
            assert_eq!(fault(&file), None, "{fine:?}");
        }
    }

    #[test]
    fn a_program_is_found_where_the_system_finds_it() {
        let directory = tempfile::tempdir().unwrap();
        let cwd = Some(directory.path());
        fs::write(directory.path().join("script"), "").unwrap();
        let file = Some(directory.path().join("script"));
        assert_eq!(find("script", None, Some(directory.path().as_os_str())), file);
        assert_eq!(find("./script", cwd, None).map(|file| file.exists()), Some(true));
        assert_eq!(find("script", cwd, Some(OsStr::new("/no/such"))), None);
        assert_eq!(find("./other", cwd, None), None);
    }
}
