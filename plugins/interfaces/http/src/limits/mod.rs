//! What a client may ask of the server: how often, how much, and how long.

mod idempotency;
mod layers;
mod rate;

pub(crate) use idempotency::{Answers, once};
pub(crate) use layers::{MAX_BODY, limited};
pub(crate) use rate::Rates;
