//! A connection of a client.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::datum::Datum;
use super::failure::{Failure, Kind, Outcome};
use super::login::{self, Challenge};
use super::queue::{ChangeQueue, Next};
use super::server::{Answer, Shared};
use super::value::FeedPlan;

/// The magic number of `V1_0`.
const VERSION: u32 = 0x34c2_bdc3;

/// The largest query.
const MOST_BYTES: usize = 64 << 20;

/// How many bytes and values there are in a batch, about.
const BATCH: (usize, usize) = (1 << 20, 1000);

/// A connection after the login.
struct Session {
    shared: Arc<Shared>,
    user: String,
    writer: Arc<Mutex<TcpStream>>,
    /// The sequences that are not sent yet, by token.
    streams: HashMap<u64, VecDeque<Datum>>,
    feeds: HashMap<u64, Arc<Feed>>,
}

/// A feed of a connection.
struct Feed {
    changes: Arc<ChangeQueue>,
    /// Whether the client waits for changes.
    wanted: Mutex<bool>,
    signal: std::sync::Condvar,
}

/// Serves a client until the connection ends.
pub(super) fn serve(shared: Arc<Shared>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(user) = log_in(&shared, &mut stream)? else { return Ok(()) };
    let writer = Arc::new(Mutex::new(stream.try_clone()?));
    let mut session =
        Session { shared, user, writer, streams: HashMap::new(), feeds: HashMap::new() };
    let result = session.answer_all(&mut stream);
    for feed in session.feeds.values() {
        feed.stop();
    }
    // It may be closed already.
    let _ = stream.shutdown(Shutdown::Both);
    result
}

/// Returns the user, or `None` if the client was refused.
fn log_in(shared: &Shared, stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut magic = [0; 4];
    stream.read_exact(&mut magic)?;
    if u32::from_le_bytes(magic) != VERSION {
        stream.write_all(
            b"ERROR: Received an unsupported protocol version. This port is for RethinkDB queries. Does your \
              client driver version not match the server?\n\0",
        )?;
        return Ok(None);
    }
    write_text(stream, &login::versions())?;
    let refuse = |stream: &mut TcpStream, (code, error): login::Refusal| {
        write_text(stream, &json!({"success": false, "error": error, "error_code": code}))?;
        Ok(None)
    };
    let first = read_text(stream)?;
    let challenge = Challenge::new(&first, &shared.nonce(), |user| shared.password(user));
    let challenge = match challenge {
        Ok(challenge) => challenge,
        Err(refusal) => return refuse(stream, refusal),
    };
    write_text(stream, &json!({"success": true, "authentication": challenge.message}))?;
    let proof = read_text(stream)?;
    match challenge.check(&proof) {
        Ok(proof) => {
            write_text(stream, &json!({"success": true, "authentication": proof}))?;
            Ok(Some(challenge.user))
        }
        Err(refusal) => refuse(stream, refusal),
    }
}

fn read_text(stream: &mut TcpStream) -> io::Result<Value> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    loop {
        stream.read_exact(&mut byte)?;
        if byte == [0] {
            return Ok(serde_json::from_slice(&text).unwrap_or_default());
        }
        text.push(byte[0]);
    }
}

fn write_text(stream: &mut TcpStream, json: &Value) -> io::Result<()> {
    stream.write_all(format!("{json}\0").as_bytes())
}

fn error(failure: &Failure) -> Value {
    let (response, kind) = failure.kind.codes();
    let mut answer = json!({"t": response, "r": [failure.text()], "b": []});
    if let Some(kind) = kind {
        answer["e"] = kind.into();
    }
    answer
}

fn send(writer: &Mutex<TcpStream>, token: u64, answer: &Value) -> io::Result<()> {
    let json = answer.to_string();
    let mut frame = Vec::with_capacity(12 + json.len());
    frame.extend_from_slice(&token.to_le_bytes());
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(json.as_bytes());
    writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame)
}

impl Session {
    fn answer_all(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        loop {
            let mut header = [0; 12];
            stream.read_exact(&mut header)?;
            let token = u64::from_le_bytes(header[..8].try_into().map_err(io::Error::other)?);
            let length = u32::from_le_bytes(header[8..].try_into().map_err(io::Error::other)?);
            let length = usize::try_from(length).map_err(io::Error::other)?;
            if length > MOST_BYTES {
                let text = format!("Payload size ({length}) greater than maximum ({MOST_BYTES}).");
                send(&self.writer, token, &error(&Failure::new(Kind::Client, text)))?;
                return Ok(());
            }
            let mut json = vec![0; length];
            stream.read_exact(&mut json)?;
            if let Some(answer) =
                self.answer(token, &json).unwrap_or_else(|failure| Some(error(&failure)))
            {
                send(&self.writer, token, &answer)?;
            }
        }
    }

    /// Returns the answer to a query, if it has one now.
    fn answer(&mut self, token: u64, json: &[u8]) -> Outcome<Option<Value>> {
        let client = |text: &str| Failure::new(Kind::Client, text);
        let query: Value = serde_json::from_slice(json)
            .map_err(|_| client("Client is buggy (failed to deserialize query)."))?;
        match query[0].as_u64() {
            Some(1) => {
                if self.streams.contains_key(&token) || self.feeds.contains_key(&token) {
                    return Err(client(&format!("ERROR: duplicate token {token}")));
                }
                self.start(token, &query)
            }
            Some(2) => {
                if let Some(feed) = self.feeds.get(&token) {
                    feed.want();
                    return Ok(None);
                }
                if !self.streams.contains_key(&token) {
                    return Err(client(&format!("Token {token} not in stream cache.")));
                }
                Ok(Some(self.batch(token)))
            }
            Some(3) => {
                self.streams.remove(&token);
                let last = json!({"t": 2, "r": []});
                if let Some(feed) = self.feeds.remove(&token)
                    && feed.stop()
                {
                    // The answer to the `CONTINUE` that waits.
                    send(&self.writer, token, &last).map_err(|error| client(&error.to_string()))?;
                }
                Ok(Some(last))
            }
            Some(4) => Ok(Some(json!({"t": 4, "r": []}))),
            Some(5) => Ok(Some(json!({"t": 5, "r": [
                {"id": "00000000-0000-0000-0000-000000000001", "name": "peer", "proxy": false}
            ]}))),
            _ => Err(client("Client is buggy (unknown type of query).")),
        }
    }

    fn start(&mut self, token: u64, query: &Value) -> Outcome<Option<Value>> {
        let answer = self.shared.run(&self.user, &query[1], &query[2]);
        let is_silent = query[2]["noreply"] == json!(true);
        let answer = match answer? {
            Answer::Datum(datum) => json!({"t": 1, "r": [datum.json()]}),
            Answer::Stream(rows) => {
                self.streams.insert(token, rows.into());
                self.batch(token)
            }
            Answer::Feed(plan, changes) => {
                let feed = Arc::new(Feed {
                    changes,
                    wanted: Mutex::new(false),
                    signal: std::sync::Condvar::new(),
                });
                self.feeds.insert(token, Arc::clone(&feed));
                let (shared, writer) = (Arc::clone(&self.shared), Arc::clone(&self.writer));
                let user = self.user.clone();
                thread::spawn(move || feed.send_all(&shared, &user, &plan, &writer, token));
                json!({"t": 3, "r": [], "n": [1]})
            }
        };
        Ok((!is_silent).then_some(answer))
    }

    /// Returns the next batch of a sequence.
    fn batch(&mut self, token: u64) -> Value {
        let rows = self.streams.entry(token).or_default();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH.0
            && batch.len() < BATCH.1
            && let Some(row) = rows.pop_front()
        {
            bytes += row.size();
            batch.push(row.json());
        }
        let is_last = rows.is_empty();
        if is_last {
            self.streams.remove(&token);
        }
        json!({"t": if is_last { 2 } else { 3 }, "r": batch})
    }
}

impl Feed {
    fn want(&self) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.signal.notify_all();
    }

    /// Ends the feed. Returns whether the client waited for changes.
    fn stop(&self) -> bool {
        self.changes.stop();
        // Wakes the thread of the feed.
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        self.signal.notify_all();
        std::mem::replace(&mut *wanted, true)
    }

    /// Sends changes whenever the client wants some.
    fn send_all(
        &self,
        shared: &Shared,
        user: &str,
        plan: &FeedPlan,
        writer: &Mutex<TcpStream>,
        token: u64,
    ) {
        let mut ready = Vec::new();
        loop {
            while ready.is_empty() {
                match self.changes.next() {
                    Next::Stopped => return,
                    Next::Closed => {
                        self.wait_until_wanted();
                        let failure = Failure::failed("Changefeed aborted (unavailable).");
                        // The connection may have ended.
                        let _ = send(writer, token, &error(&failure));
                        return;
                    }
                    Next::Changes(changes, skipped) => {
                        match shared.feed(user, plan, changes, skipped) {
                            Ok(changes) => ready = changes,
                            Err(failure) => {
                                self.wait_until_wanted();
                                let _ = send(writer, token, &error(&failure));
                                return;
                            }
                        }
                    }
                }
            }
            self.wait_until_wanted();
            let batch: Vec<Value> = ready.drain(..).map(|change| change.json()).collect();
            *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = false;
            if send(writer, token, &json!({"t": 3, "r": batch, "n": [1]})).is_err() {
                return;
            }
        }
    }

    fn wait_until_wanted(&self) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        while !*wanted {
            wanted = self.signal.wait(wanted).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
