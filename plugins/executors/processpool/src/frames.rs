//! Messages on a stream: each is its length in bytes, as four bytes in little-endian order, and then JSON.

use std::io::{self, Read};

use serde::Serialize;

/// The largest message. Text that is read as a length is larger than this.
const LARGEST: usize = 1 << 28;
const HEADER: usize = 4;
const ROOM: usize = 8 * 1024;

/// How much to keep of a buffer that has grown for a large message.
pub(crate) const KEPT: usize = 1 << 20;

/// Replaces the content of a buffer by a message.
///
/// # Errors
/// The reason why it can't be sent.
pub(crate) fn encode(message: &impl Serialize, frame: &mut Vec<u8>) -> Result<(), String> {
    frame.clear();
    frame.shrink_to(KEPT);
    frame.extend([0; HEADER]);
    serde_json::to_writer(&mut *frame, message).map_err(|error| error.to_string())?;
    let length = frame.len() - HEADER;
    let header = u32::try_from(length).ok().filter(|_| length <= LARGEST);
    let Some(header) = header else {
        return Err(format!(
            "{length} bytes exceed the limit of {LARGEST} for a message to or from a worker"
        ));
    };
    frame[..HEADER].copy_from_slice(&header.to_le_bytes());
    Ok(())
}

/// Splits the bytes of a stream into messages.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Frames {
    /// Returns the next message, if all of it has been read.
    ///
    /// # Errors
    /// The stream holds something else.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(size) = self.size()? else {
            return Ok(None);
        };
        if self.end - self.begin < size {
            return Ok(None);
        }
        let frame = self.begin + HEADER..self.begin + size;
        self.begin += size;
        Ok(Some(&self.buffer[frame]))
    }

    /// Reads once. Returns the number of bytes; zero is the end of the stream.
    pub(crate) fn read(&mut self, mut stream: impl Read) -> io::Result<usize> {
        self.buffer.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        if self.end == 0 && self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
        // It grows with the bytes that were read, not with what a header promises.
        let wanted = self.size()?.unwrap_or(HEADER).min(2 * self.end).max(self.end + ROOM);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let read = stream.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read)
    }

    /// Returns the size of the next message with its header.
    fn size(&self) -> io::Result<Option<usize>> {
        let Some(header) = self.buffer[self.begin..self.end].first_chunk::<HEADER>() else {
            return Ok(None);
        };
        match usize::try_from(u32::from_le_bytes(*header)) {
            Ok(length) if length <= LARGEST => Ok(Some(HEADER + length)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "this is not a message")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Returns this many bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let part = self.1.min(buffer.len()).min(self.0.len());
            buffer[..part].copy_from_slice(&self.0[..part]);
            self.0 = &self.0[part..];
            Ok(part)
        }
    }

    #[test]
    fn messages_are_restored_from_pieces_of_any_size() {
        let messages = [json!(null), json!("x".repeat(100_000)), json!({"a": [1, 2.5]}), json!(0)];
        let (mut stream, mut frame) = (Vec::new(), Vec::new());
        for message in &messages {
            encode(message, &mut frame).unwrap();
            stream.extend(&frame);
        }
        for step in [1, 3, 7, 4096, usize::MAX] {
            let (mut source, mut frames) = (Dribble(&stream, step), Frames::default());
            let mut read = Vec::new();
            loop {
                while let Some(frame) = frames.next().unwrap() {
                    read.push(serde_json::from_slice::<Value>(frame).unwrap());
                }
                if frames.read(&mut source).unwrap() == 0 {
                    break;
                }
            }
            assert_eq!(read, messages);
        }
    }

    #[test]
    fn a_stream_of_something_else_is_noticed() {
        let mut frames = Frames::default();
        frames.read(&b"GET / HTTP/1.1"[..]).unwrap();
        assert_eq!(frames.next().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
