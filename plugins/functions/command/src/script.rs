//! What is wrong with a script that the system says it can't find.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How much the system reads of a first line.
const FIRST_LINE: u64 = 256;

/// The file that a program is run from: the system's way, without a shell. `path` is the search path of the program.
pub(crate) fn find(program: &str, cwd: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let here = |file: &Path| cwd.map_or_else(|| file.to_owned(), |cwd| cwd.join(file));
    if program.contains('/') {
        return Some(here(Path::new(program))).filter(|file| file.is_file());
    }
    let inherited = env::var_os("PATH");
    let path = path.or(inherited.as_deref())?;
    env::split_paths(path).map(|folder| here(&folder.join(program))).find(|file| file.is_file())
}

/// Why a file that is there can't be run, as far as its first line tells.
pub(crate) fn fault(file: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(file).ok()?.take(FIRST_LINE).read_to_end(&mut start).ok()?;
    let shown = file.display();
    let Some(line) = start.strip_prefix(b"#!") else {
        return start.starts_with(b"\x7fELF").then(|| {
            format!(
                "`{shown}` needs a loader that is not on this system; it was built for another one"
            )
        });
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.ends_with(b"\r") {
        return Some(format!(
            "the first line of `{shown}` ends with a carriage return (CRLF), which the system takes for a part of the \
             name of its interpreter; save the script with LF line ends"
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
    fn a_first_line_tells_what_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("script");
        let cases: [(&[u8], &str); 6] = [
            (b"#!/bin/sh\r\necho\r\n", "ends with a carriage return (CRLF)"),
            (b"#!/usr/bin/env sh\r\necho\r\n", "ends with a carriage return (CRLF)"),
            (b"#!/no/such/python -u\n", "the interpreter `/no/such/python` of"),
            (b"#! /usr/bin/env -S no-such-python -u\n", "`no-such-python` of"),
            (b"#!\n", "names no interpreter"),
            (b"\x7fELF\x02", "needs a loader that is not on this system"),
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
