//! The `url` of a job.

use std::net::TcpListener;

use serde_json::json;

use crate::call;
use crate::server::{Reply, Server};

#[test]
fn errors_about_urls_do_not_show_secrets() {
    let cases = [
        ("user:secret@example.org", "must begin with `http://` or `https://`"),
        ("example.org/secret", "has no scheme such as `https://`"),
        ("ftp://user:secret@example.org", "must begin with `http://` or `https://`"),
        ("http://user:secret@example.org:99999/", "the port must be a number from 0 to 65535"),
        ("http://user:secret@/", "has no host"),
        ("http://user:secret@exam ple.org/", "the host name is invalid"),
        ("http://user:secret@xn--a/", "the host name is invalid"),
        ("http://user:secret@[::1/", "not a valid IPv6 address"),
        ("http://user:secret@1.2.3.400/", "not a valid IPv4 address"),
        ("http://example.org/secret\n", "contains a control character"),
        ("http://us%3Aer:secret@example.org/", "the user name can't contain a colon"),
    ];
    for (url, expected) in cases {
        let error = call(&json!({"url": url})).unwrap_err();
        assert!(error.contains("url: ") && error.contains(expected), "{url}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_space_in_the_path_and_umlauts_are_encoded() {
    let server = Server::start(vec![Reply::ok("")]);
    call(&json!({"url": server.url("/a b/ü?q=x y#part")})).unwrap();
    let request = server.request();
    assert!(request.starts_with("get /a%20b/%c3%bc?q=x%20y http/1.1\r\n"), "{request}");
}

#[test]
fn an_international_name_is_looked_up_in_its_ascii_form() {
    // Names below `invalid` never exist.
    let error = call(&json!({"url": "http://bücher.invalid/", "timeout": 20})).unwrap_err();
    assert!(error.starts_with("GET http://xn--bcher-kva.invalid/: "), "{error}");
}

#[test]
fn user_and_password_are_percent_decoded() {
    let server = Server::start(vec![Reply::ok("")]);
    let url = format!("http://user:p%40ss%25@{}/", server.address);
    call(&json!({"url": url})).unwrap();
    let request = server.requests.recv().unwrap();
    // user:p@ss%
    assert!(request.to_lowercase().contains("authorization: basic "), "{request}");
    assert!(request.contains("dXNlcjpwQHNzJQ=="), "{request}");
}

#[test]
fn a_header_takes_precedence_over_user_and_password() {
    let server = Server::start(vec![Reply::ok("")]);
    let url = format!("http://user:secret@{}/", server.address);
    call(&json!({"url": url, "headers": {"Authorization": "Bearer abc"}})).unwrap();
    let request = server.request();
    assert_eq!(request.matches("authorization:").count(), 1, "{request}");
    assert!(request.contains("authorization: bearer abc\r\n"), "{request}");
}

#[test]
fn a_failed_connection_is_an_error_without_secrets() {
    // No server listens on this port.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://user:secret@{address}/path?key=secret");
    let headers = json!({"x-api-key": "secret"});
    let error = call(&json!({"url": url, "headers": headers, "body": "secret"})).unwrap_err();
    assert!(
        error.starts_with(&format!("POST http://{address}/path: ")) && !error.contains("secret"),
        "{error}"
    );
}
