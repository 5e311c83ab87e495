//! An exchange: a request, its redirects, and the response.

use std::io::Read as _;
use std::time::{Duration, Instant};

use rustls::CertificateError;
use ureq::http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::options::HttpOptions;
use crate::redirect::Hop;
use crate::trust;

/// The most characters of a response body that are returned.
const MAX_BODY_CHARS: usize = 4096;

/// The longest timeout passed to ureq, which adds it to the current time without a check for overflow.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The beginning of the body.
    pub(crate) text: String,
    /// Whether headers of the job were not sent because a redirect led to another origin.
    pub(crate) held_back: bool,
}

/// The response or an error message, and the address for messages.
pub(crate) struct Outcome {
    pub(crate) place: String,
    pub(crate) answer: Result<Answer, String>,
}

/// An agent for one run, without cookies. `exchange` follows redirects itself.
pub(crate) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("apscheduler/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

/// Makes the request, follows redirects, and reads the whole response.
pub(crate) fn exchange(agent: &Agent, options: &HttpOptions) -> Outcome {
    let deadline = Instant::now() + options.timeout.min(MAX_TIMEOUT);
    let mut hop = Hop::first(options);
    let mut place = hop.address.shown();
    loop {
        let next = match step(agent, options, &hop, deadline) {
            Ok(Step::Redirect(next)) => next,
            Ok(Step::Answer(answer)) => return Outcome { place, answer: Ok(answer) },
            Err(reason) => return Outcome { place, answer: Err(reason) },
        };
        hop = *next;
        place = format!("{}, redirected to {}", options.address.shown(), hop.address.shown());
    }
}

enum Step<'a> {
    Redirect(Box<Hop<'a>>),
    Answer(Answer),
}

fn step<'a>(
    agent: &Agent,
    options: &HttpOptions,
    hop: &Hop<'a>,
    deadline: Instant,
) -> Result<Step<'a>, String> {
    // A request without TLS must not fail because of missing certificates.
    let roots = if hop.address.is_https() {
        trust::roots(options.ca_file.as_deref())?
    } else {
        RootCerts::WebPki
    };
    let response = send(agent, hop, roots, deadline);
    let mut response = response.map_err(|error| no_answer(error, options))?;
    let status = response.status();
    if let Some(next) = hop.follow(options, status, response.headers())? {
        return Ok(Step::Redirect(Box::new(next)));
    }
    let text = read(response.body_mut()).map_err(|error| incomplete(error, options))?;
    Ok(Step::Answer(Answer { status: status.as_u16(), text, held_back: hop.held_back }))
}

fn send(
    agent: &Agent,
    hop: &Hop<'_>,
    roots: RootCerts,
    deadline: Instant,
) -> Result<Response<Body>, ureq::Error> {
    let rest = deadline.saturating_duration_since(Instant::now());
    if rest.is_zero() {
        return Err(ureq::Error::Timeout(ureq::Timeout::Global));
    }
    let uri = hop.address.uri().ok_or_else(|| ureq::Error::BadUri(String::new()))?;
    let mut request = Request::builder().method(hop.method.clone()).uri(uri);
    if let Some(headers) = request.headers_mut() {
        headers.clone_from(&hop.headers);
    }
    let tls = TlsConfig::builder().root_certs(roots).build();
    if let Some(body) = hop.body {
        let request = agent.configure_request(request.body(body)?);
        agent.run(request.tls_config(tls).timeout_global(Some(rest)).build())
    } else {
        let request = agent.configure_request(request.body(())?);
        agent.run(request.tls_config(tls).timeout_global(Some(rest)).build())
    }
}

/// Reads the whole body, to notice an incomplete one. Returns its beginning.
fn read(body: &mut Body) -> Result<String, ureq::Error> {
    let mut reader = body.as_reader();
    let mut kept = Vec::new();
    // A character has at most four bytes.
    reader.by_ref().take(4 * MAX_BODY_CHARS as u64).read_to_end(&mut kept)?;
    std::io::copy(&mut reader, &mut std::io::sink())?;
    Ok(String::from_utf8_lossy(&kept).chars().take(MAX_BODY_CHARS).collect())
}

fn no_answer(error: ureq::Error, options: &HttpOptions) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", options.timeout.as_secs_f64()),
        ureq::Error::HostNotFound => "the host name can't be resolved".to_owned(),
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                "the server closed the connection without an answer".to_owned()
            }
            _ => connection(&error),
        },
        other => other.to_string(),
    }
}

fn connection(error: &std::io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the certificate of the server was issued by an unknown authority; \
             to trust it, set `ca_file` or SSL_CERT_FILE to the certificate of the authority"
                .to_owned()
        }
        Some(cause) => format!("TLS: {cause}"),
        None => error.to_string(),
    }
}

fn incomplete(error: ureq::Error, options: &HttpOptions) -> String {
    match error {
        ureq::Error::Timeout(_) => {
            format!("the answer was not complete within {} s", options.timeout.as_secs_f64())
        }
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection ended before the answer was complete".to_owned()
        }
        other => format!("the answer can't be read: {other}"),
    }
}
