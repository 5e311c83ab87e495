//! Reads the output of a program.

use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Longer lines are split, so that output without line breaks needs no memory.
const MAX_LINE: u64 = 8 * 1024;

/// Reads a pipe to its end, line by line.
pub(crate) fn each_line(pipe: impl Read, mut take: impl FnMut(&str)) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            // A read error is treated as the end.
            Ok(0) | Err(_) => return,
            Ok(_) => take(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])),
        }
    }
}

/// The last bytes of one stream or several.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    text: Arc<Mutex<String>>,
    most: usize,
}

impl Tail {
    /// The last `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { text: Arc::default(), most }
    }

    /// Adds a line and drops the oldest ones.
    pub(crate) fn push(&self, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
        // Not for each line: it moves what is left.
        if text.len() > self.most * 2 {
            let cut = excess(&text, self.most);
            text.drain(..cut);
        }
    }

    /// The text without the final line break.
    pub(crate) fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text[excess(&text, self.most)..].trim_end().to_owned()
    }
}

/// Returns how many bytes of a text come before its last `most` ones, up to the next character.
fn excess(text: &str, most: usize) -> usize {
    let excess = text.len().saturating_sub(most);
    // `str::ceil_char_boundary` needs Rust 1.91.
    (excess..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Starts a named thread.
pub(crate) fn in_thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(bytes, |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn splits_lines_with_any_bytes() {
        assert_eq!(lines(b"one\r\n\ntwo\xff\nthree"), ["one", "", "two\u{fffd}", "three"]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn splits_a_long_line() {
        let long = vec![b'x'; 20_000];
        let lengths: Vec<usize> = lines(&long).iter().map(String::len).collect();
        assert_eq!(lengths, [8192, 8192, 3616]);
    }

    #[test]
    fn the_tail_keeps_the_end() {
        const MOST: usize = 4096;
        let tail = Tail::new(MOST);
        for number in 0..10_000 {
            tail.push(&format!("é{number}"));
        }
        let text = tail.text();
        assert!(text.ends_with("\né9999"), "{text}");
        assert!(text.len() <= MOST && text.len() > MOST - 10);
    }
}
