//! What is sent, first and after each redirect.

use ureq::http::header::LOCATION;
use ureq::http::{HeaderMap, Method, StatusCode};

use crate::address::Address;
use crate::headers;
use crate::options::HttpOptions;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// One request of an exchange.
#[derive(Clone)]
pub(crate) struct Hop<'a> {
    pub(crate) address: Address,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<&'a str>,
    /// Whether the job has headers that are not sent here.
    pub(crate) held_back: bool,
    redirects: usize,
}

impl<'a> Hop<'a> {
    pub(crate) fn first(options: &'a HttpOptions) -> Self {
        Self {
            address: options.address.clone(),
            method: options.method.clone(),
            headers: options.headers.clone(),
            body: options.body.as_deref(),
            held_back: false,
            redirects: 0,
        }
    }

    /// The request that an answer asks for; `None` if it is no redirect.
    ///
    /// What the job gives goes to the origin of its `url` alone, so another origin gets none of its headers, but for
    /// harmless ones, and no body.
    pub(crate) fn follow(
        &self,
        options: &HttpOptions,
        status: StatusCode,
        answer: &HeaderMap,
    ) -> Result<Option<Self>, String> {
        if options.expect.contains(&status.as_u16())
            || !matches!(status.as_u16(), 301..=303 | 307 | 308)
        {
            return Ok(None);
        }
        let Some(location) = answer.get(LOCATION) else { return Ok(None) };
        let location = String::from_utf8_lossy(location.as_bytes());
        let address = self.address.join(&location).ok_or_else(|| {
            format!(
                "status {status} redirects to what is no address for http or https",
                status = status.as_u16()
            )
        })?;
        if self.redirects >= MAX_REDIRECTS {
            return Err(format!("more than {MAX_REDIRECTS} redirects"));
        }
        // Every request begins with what the job gives, so that the way back to its origin has it again.
        let mut next = Self { address, redirects: self.redirects + 1, ..self.clone() };
        next.headers = options.headers.clone();
        let becomes_get = match status.as_u16() {
            303 => !matches!(self.method, Method::GET | Method::HEAD),
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            next.method = Method::GET;
            next.body = None;
        }
        if next.body.is_none() {
            headers::drop_those_of_body(&mut next.headers);
        }
        let is_elsewhere = !next.address.has_same_origin(&options.address);
        if is_elsewhere && next.body.is_some() {
            return Err(format!(
                "status {} redirects to {}, and a body is sent to the host that `url` names alone; \
                 if that is where it belongs, name it in `url`",
                status.as_u16(),
                next.address.origin()
            ));
        }
        if is_elsewhere {
            let all = next.headers.len();
            headers::keep_harmless(&mut next.headers);
            next.held_back = next.headers.len() < all;
        } else {
            next.held_back = false;
        }
        Ok(Some(next))
    }
}
