//! Who may do what.

mod identity;
mod right;
mod token;

use std::fmt;
use std::sync::Arc;

use axum::http::request::Parts;

pub use identity::Identity;
pub use right::{Right, Rights};
pub use token::Token;

/// How a request proves who it is from.
///
/// # Examples
/// ```
/// use apscheduler_interface_http::{Access, Rights, Token};
///
/// let token = Token::new("operator", "a-long-random-secret-of-32-bytes-or-more", Rights::all())?;
/// let access = Access::tokens([token]);
/// # let _ = access;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Access(Check);

/// The check of a program.
type OwnCheck = dyn Fn(&Parts) -> Option<Identity> + Send + Sync;

#[derive(Clone)]
enum Check {
    Open(Identity),
    Tokens(Arc<[Token]>),
    Program(Arc<OwnCheck>),
}

impl Access {
    /// Anybody has these rights. For loopback alone, and for programs that check before the request gets here.
    pub fn open(rights: Rights) -> Self {
        Self(Check::Open(Identity::new("anonymous", rights)))
    }

    /// Requests have one of these tokens, as `Authorization: Bearer TOKEN`.
    pub fn tokens(tokens: impl IntoIterator<Item = Token>) -> Self {
        Self(Check::Tokens(tokens.into_iter().collect()))
    }

    /// The program decides, for example by the session of its own login. `None` refuses the request.
    pub fn program(check: impl Fn(&Parts) -> Option<Identity> + Send + Sync + 'static) -> Self {
        Self(Check::Program(Arc::new(check)))
    }

    /// Returns who a request is from.
    pub(crate) fn identify(&self, request: &Parts) -> Option<Identity> {
        match &self.0 {
            Check::Open(identity) => Some(identity.clone()),
            Check::Tokens(tokens) => token::identify(tokens, &request.headers),
            Check::Program(check) => check(request),
        }
    }

    /// Returns whether browsers send what proves the identity by themselves, so that other sites could make them do it.
    pub(crate) fn is_ambient(&self) -> bool {
        !matches!(self.0, Check::Tokens(_))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Check::Open(_) => "Open",
            Check::Tokens(_) => "Tokens",
            Check::Program(_) => "Program",
        };
        f.debug_tuple(name).finish()
    }
}
