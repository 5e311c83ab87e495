//! The client's side of SCRAM-SHA-256 (RFC 5802 and RFC 7677), without channel binding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The most rounds that a server may ask for. With more, it could keep a client busy for ever.
const MOST_ROUNDS: u32 = 10_000_000;

/// A login: what the client says first.
pub(super) struct Login {
    bare: String,
    nonce: String,
}

/// A login that has sent its proof.
pub(super) struct Proven {
    /// The last message.
    pub(super) message: String,
    /// What the server has to sign, and with which key.
    signed: String,
    server_key: [u8; 32],
}

impl Login {
    /// Begins a login of this user.
    pub(super) fn new(user: &str, nonce: &str) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { bare: format!("n={user},r={nonce}"), nonce: nonce.to_owned() }
    }

    /// Returns the first message.
    pub(super) fn message(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// Proves to the server that the client knows the password. `None` if the server's answer is not as it must be.
    pub(super) fn prove(&self, password: &str, answer: &str) -> Option<Proven> {
        let nonce = attribute(answer, 'r').filter(|nonce| nonce.starts_with(&self.nonce))?;
        let salt = BASE64.decode(attribute(answer, 's')?).ok()?;
        let rounds: u32 = attribute(answer, 'i')?.parse().ok()?;
        if rounds == 0 || rounds > MOST_ROUNDS {
            return None;
        }
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, rounds, &mut salted);
        let unproven = format!("c=biws,r={nonce}");
        let signed = format!("{},{answer},{unproven}", self.bare);
        let client_key = sign(&salted, b"Client Key");
        let signature = sign(&Sha256::digest(client_key).into(), signed.as_bytes());
        let proof: Vec<u8> =
            client_key.iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
        let message = format!("{unproven},p={}", BASE64.encode(proof));
        Some(Proven { message, signed, server_key: sign(&salted, b"Server Key") })
    }
}

impl Proven {
    /// Whether the server's last answer proves that it knows the password too.
    pub(super) fn is_proven_by(&self, answer: &str) -> bool {
        let signature = attribute(answer, 'v').and_then(|text| BASE64.decode(text).ok());
        signature.is_some_and(|signature| {
            mac(&self.server_key, self.signed.as_bytes()).verify_slice(&signature).is_ok()
        })
    }
}

fn attribute(message: &str, name: char) -> Option<&str> {
    message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn mac(key: &[u8; 32], message: &[u8]) -> Hmac<Sha256> {
    // A key that is shorter than a block is filled up with zeros.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac
}

fn sign(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    mac(key, message).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn the_example_of_the_standard_holds() {
        let login = Login::new("user", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(login.message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let answer = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let proven = login.prove("pencil", answer).unwrap();
        assert_eq!(
            proven.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(proven.is_proven_by("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!proven.is_proven_by("v=AAAA"));
    }

    #[test]
    fn answers_of_an_impostor_are_refused() {
        let login = Login::new("a=b,c", "abc");
        assert_eq!(login.message(), "n,,n=a=3Db=2Cc,r=abc");
        for answer in [
            "r=xyz,s=AAAA,i=1",
            "r=abcd,s=*,i=1",
            "r=abcd,s=AAAA,i=0",
            "r=abcd,s=AAAA,i=4000000000",
            "",
        ] {
            assert!(login.prove("p", answer).is_none(), "{answer}");
        }
    }
}
