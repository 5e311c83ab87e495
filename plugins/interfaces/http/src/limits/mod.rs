//! What a client may ask of the server: how often, how much, and how long.

mod answers;
mod layers;
mod rate;

pub(crate) use answers::{Answer, Answers, Key};
pub(crate) use layers::{MAX_BODY, limited};
pub(crate) use rate::Rates;
