//! Tokens, kept as hashes.

use std::fmt;

use apscheduler_core::{Error, ErrorKind, Result};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Identity, Rights};

/// The fewest bytes of a token: those of 256 random bits, as text.
const SHORTEST: usize = 32;

/// A token, of which only the hash is kept. Two of the same name at a time let clients change from one to the other.
#[derive(Clone)]
pub struct Token {
    hash: [u8; 32],
    identity: Identity,
}

impl Token {
    /// A token of somebody with this name and these rights.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the token is shorter than 32 bytes: it should be random, of 256 bits.
    pub fn new(name: &str, token: &str, rights: Rights) -> Result<Self> {
        if token.len() < SHORTEST {
            let message = format!(
                "the token of `{name}` has {} bytes; use at least {SHORTEST} random ones, for example from `openssl rand -hex 32`",
                token.len()
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Self { hash: Sha256::digest(token).into(), identity: Identity::new(name, rights) })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Returns whose token a request has.
pub(super) fn identify(tokens: &[Token], headers: &HeaderMap) -> Option<Identity> {
    let given = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, given) = given.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let hash: [u8; 32] = Sha256::digest(given.trim()).into();
    // All are compared, in the same time whatever they are.
    let mut found = None;
    for token in tokens {
        if bool::from(token.hash.ct_eq(&hash)) {
            found = Some(&token.identity);
        }
    }
    found.cloned()
}
