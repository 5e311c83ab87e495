//! The address of a request, separated from its credentials.

use base64::Engine as _;
use percent_encoding::percent_decode_str;
use ureq::http::{HeaderValue, Uri};
use url::{ParseError, Url};

/// An `http:` or `https:` URL without user, password and fragment.
#[derive(Clone, PartialEq)]
pub(crate) struct Address(Url);

impl Address {
    /// Parses the `url` of a job. The second value is the `Authorization` header for its user and password.
    ///
    /// # Errors
    /// If it is not a valid HTTP URL. The message does not include the text, since it may contain a password.
    pub(crate) fn parse(text: &str) -> Result<(Self, Option<HeaderValue>), String> {
        // `Url::parse` silently drops line breaks and tabs.
        if text.contains(|c: char| c.is_ascii_control()) {
            return Err("url: contains a control character, such as a line break".to_owned());
        }
        let url = Url::parse(text).map_err(reason)?;
        if !is_http(&url) {
            return Err(format!("url: must begin with `http://` or `https://`; {EXAMPLE}"));
        }
        let credentials = credentials(&url)?;
        let address = Self::without_secrets(url).ok_or_else(|| {
            format!("url: contains a character that is not allowed in a request; {EXAMPLE}")
        })?;
        Ok((address, credentials))
    }

    /// Resolves the location of a redirect. `None` if it is not a valid HTTP URL.
    pub(crate) fn join(&self, location: &str) -> Option<Self> {
        self.0.join(location).ok().filter(is_http).and_then(Self::without_secrets)
    }

    fn without_secrets(mut url: Url) -> Option<Self> {
        // These fail only for URLs without a host.
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        url.set_fragment(None);
        url.as_str().parse::<Uri>().ok()?;
        Some(Self(url))
    }

    pub(crate) fn uri(&self) -> Option<Uri> {
        self.0.as_str().parse().ok()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether scheme, host and port are the same.
    pub(crate) fn has_same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Scheme, host and port, for messages.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The address without its query, for messages.
    pub(crate) fn shown(&self) -> String {
        self.origin() + self.0.path()
    }
}

const EXAMPLE: &str = "expected a URL such as `https://example.org/health`";

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

fn reason(error: ParseError) -> String {
    let reason = match error {
        ParseError::RelativeUrlWithoutBase => "has no scheme such as `https://`",
        ParseError::EmptyHost => "has no host",
        ParseError::InvalidPort => "the port must be a number from 0 to 65535",
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => "the host name is invalid",
        ParseError::InvalidIpv4Address => "the host is not a valid IPv4 address",
        ParseError::InvalidIpv6Address => "the host is not a valid IPv6 address",
        other => return format!("url: {other}; {EXAMPLE}"),
    };
    format!("url: {reason}; {EXAMPLE}")
}

/// The `Authorization` header for `user:password@`. Both are percent-encoded in a URL.
fn credentials(url: &Url) -> Result<Option<HeaderValue>, String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let user: Vec<u8> = percent_decode_str(url.username()).collect();
    if user.contains(&b':') {
        return Err(
            "url: the user name can't contain a colon; set the header `Authorization` instead"
                .to_owned(),
        );
    }
    let mut plain = user;
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
    let mut value: HeaderValue = format!("Basic {encoded}")
        .parse()
        .map_err(|_| "url: user and password are too long".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> String {
        Address::parse(text).unwrap().0.uri().unwrap().to_string()
    }

    #[test]
    fn urls_are_encoded_as_ascii() {
        for (text, expected) in [
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("http://example.org/a b/ü?q=x y", "http://example.org/a%20b/%C3%BC?q=x%20y"),
            ("http://example.org", "http://example.org/"),
            ("http://example.org:80/a%20b#part", "http://example.org/a%20b"),
            ("https://[::1]:8443/|^{}?a={b}|^`\"", "https://[::1]:8443/|^%7B%7D?a={b}|^`%22"),
        ] {
            let (sent, expected): (Uri, Uri) =
                (sent(text).parse().unwrap(), expected.parse().unwrap());
            assert_eq!(sent, expected, "{text}");
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let cases = [
            ("http://user:p%40ss%25@example.org", "user:p@ss%"),
            ("http://user@example.org", "user:"),
            ("http://:pass@example.org", ":pass"),
            ("http://user:100%@example.org", "user:100%"),
            ("http://j%C3%B6rg:ü@example.org", "jörg:ü"),
        ];
        for (text, expected) in cases {
            let (address, credentials) = Address::parse(text).unwrap();
            let value = credentials.unwrap();
            let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
            let plain = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
            assert_eq!(String::from_utf8(plain).unwrap(), expected);
            assert_eq!(address.shown(), "http://example.org/");
        }
        assert_eq!(Address::parse("http://example.org").unwrap().1, None);
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let address = |text: &str| Address::parse(text).unwrap().0;
        let first = address("https://example.org/a");
        assert!(first.has_same_origin(&address("https://EXAMPLE.org:443/b?c")));
        for other in ["http://example.org/", "https://example.org:444/", "https://www.example.org/"]
        {
            assert!(!first.has_same_origin(&address(other)), "{other}");
        }
    }
}
