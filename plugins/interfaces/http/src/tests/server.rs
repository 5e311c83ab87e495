//! The server of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::client::scheduler;
use crate::{BoundServer, HttpOptions};

#[test]
fn it_serves_until_it_is_dropped() {
    let options = json!({"listen": "127.0.0.1:0"});
    let options = HttpOptions::from_options(options.as_object().unwrap()).unwrap();
    let bound = BoundServer::bind(options.clone()).unwrap();
    let taken = HttpOptions { listen: bound.address(), ..options };
    let error = BoundServer::bind(taken).unwrap_err();
    assert!(error.to_string().contains(&format!("can't listen at {}", bound.address())), "{error}");

    let scheduler = scheduler();
    let server = bound.serve(&scheduler).unwrap();
    let connect = || TcpStream::connect(server.address()).unwrap();
    // One that never sends its request holds up nobody, not even the end.
    let silent = connect();
    let ask = |what: &str| {
        let mut connection = connect();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(connection, "{what} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask("GET /api/v1/scheduler");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"running\""), "{answer}");
    assert!(answer.contains("cache-control: no-store"), "{answer}");
    let answer = ask("POST /api/v1/scheduler/pause");
    assert!(answer.starts_with("HTTP/1.1 403"), "without tokens, one may only look: {answer}");
    let address = server.address();
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    drop(silent);
}
