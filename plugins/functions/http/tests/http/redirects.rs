//! Redirects, and which headers and bodies are sent to other hosts.

use serde_json::json;

use crate::call;
use crate::server::{Reply, Server};

#[test]
fn another_host_gets_no_headers_of_the_job() {
    let second = Server::start(vec![Reply::ok("there")]);
    let first = Server::start(vec![Reply::redirect(302, &second.url("/there"))]);
    let headers = json!({
        "X-Api-Key": "secret", "Cookie": "secret", "Authorization": "secret", "Accept": "text/plain",
    });
    let kwargs = json!({"url": first.url("/here"), "headers": headers});
    assert_eq!(call(&kwargs).unwrap()["body"], "there");
    assert_eq!(first.request().matches("secret").count(), 3);
    let request = second.request();
    assert!(request.contains("accept: text/plain\r\n"), "{request}");
    assert!(!request.contains("secret"), "{request}");
}

#[test]
fn another_host_gets_no_user_and_password() {
    let second = Server::start(vec![Reply::ok("there")]);
    let first = Server::start(vec![Reply::redirect(301, &second.url("/there"))]);
    call(&json!({"url": format!("http://user:secret@{}/", first.address)})).unwrap();
    assert!(first.request().contains("authorization: basic "));
    let request = second.request();
    assert!(!request.contains("authorization"), "{request}");
}

#[test]
fn the_same_origin_gets_all_headers_of_the_job() {
    let server = Server::start(vec![Reply::redirect(302, "/b?c=d"), Reply::ok("there")]);
    let headers = json!({"X-Api-Key": "key", "Cookie": "a=b"});
    let url = format!("http://user:pass@{}/a", server.address);
    call(&json!({"url": url, "headers": headers})).unwrap();
    for line in ["get /a http/1.1\r\n", "get /b?c=d http/1.1\r\n"] {
        let request = server.request();
        assert!(request.starts_with(line), "{request}");
        for header in ["x-api-key: key", "cookie: a=b", "authorization: basic "] {
            assert!(request.contains(header), "{request}");
        }
    }
}

#[test]
fn withheld_headers_are_mentioned_when_the_other_host_refuses() {
    let answer = Reply::text("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n");
    let second = Server::start(vec![answer]);
    let first = Server::start(vec![Reply::redirect(302, &second.url("/there?key=secret"))]);
    let kwargs = json!({"url": first.url("/here"), "headers": {"X-Api-Key": "secret"}});
    let error = call(&kwargs).unwrap_err();
    assert_eq!(
        error,
        format!(
            "GET {}, redirected to {}: unexpected status 401; the headers and the password of the job are sent only \
             to the host of `url`",
            first.url("/here"),
            second.url("/there")
        )
    );
}

#[test]
fn the_status_decides_whether_a_post_becomes_a_get() {
    for (status, method) in [(301, "get"), (302, "get"), (303, "get"), (307, "post"), (308, "post")]
    {
        let server = Server::start(vec![Reply::redirect(status, "/b"), Reply::ok("")]);
        call(&json!({"url": server.url("/a"), "body": {"a": 1}})).unwrap();
        server.request();
        let request = server.request();
        assert!(request.starts_with(&format!("{method} /b ")), "{status}: {request}");
        let has_body = method == "post";
        assert_eq!(request.ends_with("{\"a\":1}"), has_body, "{status}: {request}");
        assert_eq!(request.contains("content-type"), has_body, "{status}: {request}");
    }
}

#[test]
fn a_body_is_not_sent_to_another_host() {
    let second = Server::start(vec![Reply::ok("there")]);
    let first = Server::start(vec![Reply::redirect(307, &second.url("/there?key=secret"))]);
    let error = call(&json!({"url": first.url("/"), "body": "secret"})).unwrap_err();
    let expected =
        format!("status 307 redirects to http://{}, but the body is sent", second.address);
    assert!(error.contains(&expected) && !error.contains("secret"), "{error}");
}

#[test]
fn an_expected_status_is_not_followed() {
    let server = Server::start(vec![Reply::redirect(302, "/b")]);
    let answer = call(&json!({"url": server.url("/a"), "expect": [200, 302]})).unwrap();
    assert_eq!(answer["status"], 302);
}

#[test]
fn endless_redirects_are_an_error() {
    let server = Server::start(vec![Reply::redirect(302, "/a"); 11]);
    let error = call(&json!({"url": server.url("/a")})).unwrap_err();
    assert!(error.ends_with("/a: more than 10 redirects"), "{error}");
}

#[test]
fn a_redirect_to_another_scheme_is_an_error() {
    let server = Server::start(vec![Reply::redirect(302, "file:///etc/passwd")]);
    let error = call(&json!({"url": server.url("/a")})).unwrap_err();
    assert!(
        error.ends_with("/a: status 302 redirects to an address that is not http or https"),
        "{error}"
    );
}
