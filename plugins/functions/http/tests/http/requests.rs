//! Requests.

use serde_json::json;

use crate::call;
use crate::server::{Reply, Server};

#[test]
fn a_get_returns_the_answer() {
    let server = Server::start(vec![Reply::ok("fine")]);
    let kwargs = json!({"url": server.url("/health?x=1"), "headers": {"x-token": "t"}});
    assert_eq!(call(&kwargs).unwrap(), json!({"status": 200, "body": "fine"}));
    let request = server.request();
    assert!(request.starts_with("get /health?x=1 http/1.1\r\n"), "{request}");
    assert!(
        request.contains("x-token: t\r\n") && request.contains("user-agent: apscheduler/"),
        "{request}"
    );
}

#[test]
fn a_table_is_posted_as_json() {
    let server = Server::start(vec![Reply::text("HTTP/1.1 201 Made\r\ncontent-length: 0\r\n\r\n")]);
    let kwargs = json!({"url": server.url("/"), "body": {"a": 1}, "expect": 201});
    assert_eq!(call(&kwargs).unwrap()["status"], 201);
    let request = server.request();
    assert!(
        request.starts_with("post / http/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"),
        "{request}"
    );
    assert!(request.contains("content-type: application/json"), "{request}");
}

#[test]
fn a_content_type_of_the_job_replaces_the_default() {
    let server = Server::start(vec![Reply::ok("")]);
    let headers = json!({"Content-Type": "application/vnd.acme+json"});
    call(&json!({"url": server.url("/"), "body": {"a": 1}, "headers": headers})).unwrap();
    let request = server.request();
    assert_eq!(request.matches("content-type:").count(), 1, "{request}");
    assert!(request.contains("content-type: application/vnd.acme+json\r\n"), "{request}");
}

#[test]
fn any_method_is_sent_and_a_get_may_have_a_body() {
    for (method, body) in [("purge", None), ("get", Some("x")), ("delete", Some("x"))] {
        let server = Server::start(vec![Reply::ok("")]);
        call(&json!({"url": server.url("/"), "method": method, "body": body})).unwrap();
        let request = server.request();
        assert!(request.starts_with(&format!("{method} / ")), "{request}");
        assert!(request.ends_with(&format!("\r\n\r\n{}", body.unwrap_or_default())), "{request}");
    }
}

#[test]
fn rejects_invalid_arguments() {
    let url = "http://example.org";
    let cases = [
        (json!({}), "`url` is missing"),
        (json!({"url": url, "method": "GE T"}), "method: `GE T` is not an HTTP method"),
        (
            json!({"url": url, "method": "HEAD", "body": "x"}),
            "body: a HEAD request can't have a body",
        ),
        (json!({"url": url, "timeout": 0}), "timeout: expected a positive number"),
        (json!({"url": url, "expect": 99}), "expect: expected a status"),
        (json!({"url": url, "headers": {"a b": "c"}}), "is not a valid header name"),
        (
            json!({"url": url, "headers": {"a": ["secret"]}}),
            "headers.a: expected text, found a list",
        ),
        (json!({"url": url, "headers": {"a": "secret\n"}}), "headers.a: the value has characters"),
        (json!({"url": url, "headers": {"A": "x", "a": "y"}}), "headers: duplicate header `a`"),
        (
            json!({"url": url, "headers": {"Content-Length": 1}}),
            "headers.Content-Length: can't be set",
        ),
        (json!({"url": url, "retries": 3}), "unknown option `retries`"),
    ];
    for (kwargs, expected) in cases {
        let error = call(&kwargs).unwrap_err();
        assert!(error.contains(expected) && !error.contains("secret"), "{error}");
    }
}
