//! Responses.

use serde_json::json;

use crate::call;
use crate::server::{Reply, Server};

#[test]
fn an_unexpected_status_is_an_error() {
    let server =
        Server::start(vec![Reply::text("HTTP/1.1 503 Away\r\ncontent-length: 4\r\n\r\ndown")]);
    let address = &server.address;
    let kwargs = json!({"url": format!("http://user:secret@{address}/")});
    assert_eq!(call(&kwargs).unwrap_err(), format!("GET http://{address}/: unexpected status 503"));
}

#[test]
fn a_large_body_is_truncated() {
    for length in [1024 * 1024 - 1, 1024 * 1024, 3 * 1024 * 1024] {
        let server = Server::start(vec![Reply::ok(&"x".repeat(length))]);
        let answer = call(&json!({"url": server.url("/")})).unwrap();
        assert_eq!(answer, json!({"status": 200, "body": "x".repeat(4096)}), "{length}");
    }
}

#[test]
fn a_body_is_truncated_between_characters() {
    let server = Server::start(vec![Reply::ok(&"\u{1f514}".repeat(5000))]);
    let answer = call(&json!({"url": server.url("/")})).unwrap();
    assert_eq!(answer["body"], "\u{1f514}".repeat(4096));
}

#[test]
fn a_body_that_is_shorter_than_its_length_is_an_error() {
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n{}", "x".repeat(1_500_000)),
    ];
    for answer in answers {
        let server = Server::start(vec![Reply::text(&answer)]);
        let error = call(&json!({"url": server.url("/")})).unwrap_err();
        let expected =
            format!("GET {}: the connection ended before the answer was complete", server.url("/"));
        assert_eq!(error, expected);
    }
}

#[test]
fn an_answer_without_a_length_ends_with_the_connection() {
    let server = Server::start(vec![Reply::text("HTTP/1.1 200 OK\r\n\r\nall of it")]);
    assert_eq!(call(&json!({"url": server.url("/")})).unwrap()["body"], "all of it");
}

#[test]
fn an_answer_to_head_has_no_body() {
    let server = Server::start(vec![Reply::text("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")]);
    let answer = call(&json!({"url": server.url("/"), "method": "HEAD"})).unwrap();
    assert_eq!(answer, json!({"status": 200, "body": ""}));
}

#[test]
fn a_connection_closed_without_a_response_is_an_error() {
    let server = Server::start(vec![Reply::text("")]);
    let error = call(&json!({"url": server.url("/")})).unwrap_err();
    assert!(error.ends_with("/: the server closed the connection without an answer"), "{error}");
}

#[test]
fn another_protocol_is_an_error() {
    let server = Server::start(vec![Reply::text("SSH-2.0-OpenSSH\r\n\r\n")]);
    let error = call(&json!({"url": server.url("/")})).unwrap_err();
    assert!(error.contains("protocol: "), "{error}");
}
