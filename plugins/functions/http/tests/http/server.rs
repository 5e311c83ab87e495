//! A test server on the loopback interface.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

/// The reply to one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Sends this and closes the connection.
    Close(Vec<u8>),
    /// Sends this and keeps the connection open until the test ends.
    Stall(Vec<u8>),
}

impl Reply {
    /// A response with this body that closes the connection.
    pub(crate) fn ok(body: &str) -> Self {
        let length = body.len();
        Self::Close(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into())
    }

    pub(crate) fn text(answer: &str) -> Self {
        Self::Close(answer.into())
    }

    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        Self::Close(
            format!(
                "HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
            )
            .into(),
        )
    }
}

pub(crate) struct Server {
    /// Host and port.
    pub(crate) address: String,
    pub(crate) requests: Receiver<String>,
}

impl Server {
    /// Starts a server that answers requests in this order.
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, move |_| replies)
    }

    /// Starts a server whose replies depend on its address.
    pub(crate) fn on(
        listener: TcpListener,
        replies: impl FnOnce(&str) -> Vec<Reply> + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let replies = replies(&address);
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            let mut stalled = Vec::new();
            for reply in replies {
                let (stream, _) = listener.accept().unwrap();
                if sender.send(read_request(&stream)).is_err() {
                    return;
                }
                match reply {
                    Reply::Close(bytes) => {
                        // The client may have closed the connection.
                        let _ = (&stream).write_all(&bytes);
                    }
                    Reply::Stall(bytes) => {
                        let _ = (&stream).write_all(&bytes);
                        stalled.push(stream);
                    }
                }
            }
            // The connections stay open as long as the test reads requests.
            while sender.send(String::new()).is_ok() {
                std::thread::park();
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }

    /// The next request, in lower case.
    pub(crate) fn request(&self) -> String {
        self.requests.recv().unwrap().to_lowercase()
    }
}

fn read_request(stream: &TcpStream) -> String {
    read_request_from(&mut BufReader::new(stream))
}

pub(crate) fn read_request_from(reader: &mut BufReader<impl Read>) -> String {
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return text;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        text.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}
