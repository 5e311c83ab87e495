//! The server's side of the handshake, and of SCRAM-SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The rounds for a password. An empty one needs no protection.
const ROUNDS: u32 = 4096;

/// A login that waits for the proof of the client.
pub(super) struct Challenge {
    pub(super) user: String,
    salted: [u8; 32],
    nonce: String,
    /// Both messages so far.
    exchanged: String,
    pub(super) message: String,
}

/// Why a login is refused: a code, and the reason.
pub(super) type Refusal = (i64, String);

/// Returns what the server says at first.
pub(super) fn versions() -> Value {
    json!({
        "success": true, "min_protocol_version": 0, "max_protocol_version": 0,
        "server_version": "2.4.4",
    })
}

impl Challenge {
    /// Reads the first message of the client, and answers it.
    pub(super) fn new(
        message: &Value,
        nonce: &str,
        password: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Refusal> {
        if message["protocol_version"] != json!(0) {
            return Err((1, "Unsupported protocol version.".into()));
        }
        if message["authentication_method"] != json!("SCRAM-SHA-256") {
            return Err((2, "Unsupported authentication method.".into()));
        }
        let malformed = || (13, "Malformed authentication message.".to_owned());
        let first = message["authentication"].as_str().ok_or_else(malformed)?;
        let bare = first.strip_prefix("n,,").ok_or_else(malformed)?;
        let user =
            attribute(bare, 'n').ok_or_else(malformed)?.replace("=2C", ",").replace("=3D", "=");
        let nonce = format!("{}{nonce}", attribute(bare, 'r').ok_or_else(malformed)?);
        let password = password(&user).ok_or_else(|| (17, "Unknown user".to_owned()))?;
        let salt = Sha256::digest(user.as_bytes());
        let salt = &salt[..16];
        let rounds = if password.is_empty() { 1 } else { ROUNDS };
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut salted);
        let message = format!("r={nonce},s={},i={rounds}", BASE64.encode(salt));
        let exchanged = format!("{bare},{message}");
        Ok(Self { user, salted, nonce, exchanged, message })
    }

    /// Checks the proof of the client, and returns that of the server.
    pub(super) fn check(&self, message: &Value) -> Result<String, Refusal> {
        let malformed = || (13, "Malformed authentication message.".to_owned());
        let text = message["authentication"].as_str().ok_or_else(malformed)?;
        let (unproven, proof) = text.rsplit_once(",p=").ok_or_else(malformed)?;
        if attribute(unproven, 'r') != Some(&self.nonce) || attribute(unproven, 'c') != Some("biws")
        {
            return Err((14, "Invalid nonce or channel binding.".into()));
        }
        let proof = BASE64.decode(proof).map_err(|_| malformed())?;
        let signed = format!("{},{unproven}", self.exchanged);
        let stored = Sha256::digest(sign(&self.salted, b"Client Key"));
        let signature = sign(&stored.into(), signed.as_bytes());
        let key: Vec<u8> = proof.iter().zip(signature).map(|(proof, sign)| proof ^ sign).collect();
        if proof.len() != 32 || Sha256::digest(key) != stored {
            return Err((12, "Wrong password".into()));
        }
        let server = sign(&sign(&self.salted, b"Server Key"), signed.as_bytes());
        Ok(format!("v={}", BASE64.encode(server)))
    }
}

fn attribute(message: &str, name: char) -> Option<&str> {
    message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn sign(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // A key that is shorter than a block is filled up with zeros.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}
