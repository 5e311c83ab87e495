//! How often a client may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most clients that are told apart. Beyond them, all others count as one.
const MOST_CLIENTS: usize = 10_000;

/// How many seconds of requests a client may save up.
const BURST: f64 = 5.0;

/// Counts the requests of each client, in buckets that fill up evenly.
#[derive(Debug)]
pub(crate) struct Rates {
    per_second: f64,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    buckets: HashMap<String, Bucket>,
    /// When full buckets were last looked for.
    swept: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Duration,
}

impl Rates {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second.max(1)), clients: Mutex::default() }
    }

    /// Takes a request of a client at a time that never goes back. Otherwise returns after how many seconds to try again.
    ///
    /// # Errors
    /// The number of seconds, if the client has asked too often.
    pub(crate) fn take(&self, client: &str, now: Duration) -> Result<(), u64> {
        let full = self.per_second * BURST;
        let filled = |bucket: &Bucket| {
            let since = now.saturating_sub(bucket.at).as_secs_f64();
            (bucket.left + since * self.per_second).min(full)
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let Clients { buckets, swept } = &mut *clients;
        let is_new = buckets.len() >= MOST_CLIENTS && !buckets.contains_key(client);
        if is_new && now.saturating_sub(*swept) >= Duration::from_secs(1) {
            // One that is full is as good as none.
            buckets.retain(|_, bucket| filled(bucket) < full);
            *swept = now;
        }
        let key =
            if buckets.len() < MOST_CLIENTS || buckets.contains_key(client) { client } else { "" };
        let left = buckets.get(key).map_or(full, filled);
        if left < 1.0 {
            return Err(1);
        }
        buckets.insert(key.to_owned(), Bucket { left: left - 1.0, at: now });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_so_many_a_second() {
        let rates = Rates::new(2);
        let taken = |client: &str, millis: u64| rates.take(client, Duration::from_millis(millis));
        assert_eq!((0..10).map(|_| taken("a", 0)).collect::<Vec<_>>(), [Ok(()); 10]);
        assert_eq!(taken("a", 0), Err(1));
        assert_eq!(taken("b", 0), Ok(()), "others have their own");
        assert_eq!((taken("a", 500), taken("a", 500)), (Ok(()), Err(1)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let rates = Rates::new(1);
        for number in 0..20_000 {
            let _ = rates.take(&number.to_string(), Duration::ZERO);
        }
        let count = || rates.clients.lock().unwrap().buckets.len();
        assert!(count() <= MOST_CLIENTS + 1, "{}", count());
        assert_eq!(rates.take("new", Duration::ZERO), Err(1), "those beyond share one");
        assert_eq!(rates.take("new", Duration::from_secs(60)), Ok(()));
        assert!(count() < 10, "{}", count());
    }
}
