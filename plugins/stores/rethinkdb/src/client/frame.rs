//! Frames: a token that connects an answer to its query, a length, and JSON.

use std::time::Instant;

use super::error::ClientError;
use super::stream::Stream;

/// The largest query that a server takes.
const MOST_OF_A_QUERY: usize = 64 << 20;

/// The largest answer that is read. Servers split sequences into batches of about a megabyte.
const MOST_OF_AN_ANSWER: usize = 128 << 20;

/// The bytes before the JSON: the token, and the length.
const HEADER: usize = 12;

/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;

/// The bytes that have arrived and were not taken yet. A read that times out keeps them.
#[derive(Default)]
pub(super) struct Frames {
    arrived: Vec<u8>,
}

impl Frames {
    /// Reads until `find` finds the end of a message: its length.
    fn read_until(
        &mut self,
        stream: &mut Stream,
        deadline: Instant,
        find: impl Fn(&[u8]) -> Result<Option<usize>, ClientError>,
    ) -> Result<Vec<u8>, ClientError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if let Some(end) = find(&self.arrived)? {
                let rest = self.arrived.split_off(end);
                return Ok(std::mem::replace(&mut self.arrived, rest));
            }
            let read = stream.read_some(&mut chunk, deadline)?;
            self.arrived.extend_from_slice(&chunk[..read]);
        }
    }

    /// Reads a message of the handshake, which ends with a zero byte.
    pub(super) fn read_text(
        &mut self,
        stream: &mut Stream,
        deadline: Instant,
    ) -> Result<String, ClientError> {
        let mut text = self.read_until(stream, deadline, |arrived| {
            let end = arrived.iter().position(|byte| *byte == 0);
            if end.is_none() && arrived.len() > CHUNK {
                return Err(ClientError::protocol("the handshake has no end"));
            }
            Ok(end.map(|end| end + 1))
        })?;
        text.pop();
        String::from_utf8(text).map_err(|_| ClientError::protocol("the handshake is no text"))
    }

    /// Reads a frame: its token, and the JSON.
    pub(super) fn read(
        &mut self,
        stream: &mut Stream,
        deadline: Instant,
    ) -> Result<(u64, Vec<u8>), ClientError> {
        let mut frame = self.read_until(stream, deadline, |arrived| {
            let Some((_, length)) = header(arrived) else { return Ok(None) };
            if length > MOST_OF_AN_ANSWER {
                return Err(ClientError::TooLarge(u64::try_from(length).unwrap_or(u64::MAX)));
            }
            Ok(Some(HEADER + length).filter(|end| arrived.len() >= *end))
        })?;
        let token = header(&frame).map_or(0, |(token, _)| token);
        Ok((token, frame.split_off(HEADER)))
    }
}

fn header(bytes: &[u8]) -> Option<(u64, usize)> {
    let token = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let length = u32::from_le_bytes(bytes.get(8..HEADER)?.try_into().ok()?);
    Some((token, usize::try_from(length).ok()?))
}

/// Returns the frame of a query.
pub(super) fn encode(token: u64, json: &str) -> Result<Vec<u8>, ClientError> {
    let too_large = || ClientError::TooLarge(u64::try_from(json.len()).unwrap_or(u64::MAX));
    if json.len() > MOST_OF_A_QUERY {
        return Err(too_large());
    }
    let length = u32::try_from(json.len()).map_err(|_| too_large())?;
    let mut frame = Vec::with_capacity(HEADER + json.len());
    frame.extend_from_slice(&token.to_le_bytes());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(json.as_bytes());
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_a_token_and_a_length() {
        let frame = encode(7, "[1,1]").unwrap();
        assert_eq!(frame, b"\x07\0\0\0\0\0\0\0\x05\0\0\0[1,1]");
        assert_eq!(header(&frame), Some((7, 5)));
        assert_eq!(header(&frame[..11]), None);
    }

    #[test]
    fn a_query_that_no_server_takes_is_not_sent() {
        let json = " ".repeat(MOST_OF_A_QUERY + 1);
        assert!(matches!(encode(1, &json), Err(ClientError::TooLarge(_))));
    }
}
