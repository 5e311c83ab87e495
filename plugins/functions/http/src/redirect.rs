//! The requests of an exchange: the first one, and one for each redirect.

use ureq::http::header::LOCATION;
use ureq::http::{HeaderMap, Method, StatusCode};

use crate::address::Address;
use crate::headers;
use crate::options::HttpOptions;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// One request of an exchange.
#[derive(Clone)]
pub(crate) struct Hop<'a> {
    pub(crate) address: Address,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<&'a str>,
    /// Whether headers of the job are withheld from this origin.
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

    /// Returns the request to make after a response. `None` if the response is not a redirect to follow.
    ///
    /// Headers and body of the job are meant for the origin of its `url`. Another origin gets only safe headers and no body.
    ///
    /// # Errors
    /// If the redirect can't be followed.
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
                "status {status} redirects to an address that is not http or https",
                status = status.as_u16()
            )
        })?;
        if self.redirects >= MAX_REDIRECTS {
            return Err(format!("more than {MAX_REDIRECTS} redirects"));
        }
        // Start from the headers of the job, so that a redirect back to its origin has them again.
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
            headers::remove_body_headers(&mut next.headers);
        }
        let is_other_origin = !next.address.has_same_origin(&options.address);
        if is_other_origin && next.body.is_some() {
            return Err(format!(
                "status {} redirects to {}, but the body is sent only to the host of `url`; \
                 to send it there, change `url`",
                status.as_u16(),
                next.address.origin()
            ));
        }
        if is_other_origin {
            let all = next.headers.len();
            headers::retain_cross_origin_headers(&mut next.headers);
            next.held_back = next.headers.len() < all;
        } else {
            next.held_back = false;
        }
        Ok(Some(next))
    }
}
