//! Splits what a store writes into requests that its server takes.

/// The most that a server takes in one request.
///
/// # Examples
/// ```
/// use apscheduler_plugin_kit::store::RequestLimits;
///
/// let limits = RequestLimits { items: 2, bytes: 1000, overhead: 100 };
/// let sizes = [10, 10, 10, 2000, 10];
/// let requests: Vec<usize> = limits.split(&sizes, |size| *size).map(<[_]>::len).collect();
/// assert_eq!(requests, [2, 1, 1, 1]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// The most items.
    pub items: usize,
    /// The most bytes.
    pub bytes: usize,
    /// How many bytes an item has beside the texts that are counted, rounded up.
    pub overhead: usize,
}

impl RequestLimits {
    /// Splits items into requests. `size` returns the bytes of the texts of an item. An item that is too large has a request
    /// of its own, which the server refuses.
    pub fn split<T>(self, items: &[T], size: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
        let mut rest = items;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let mut bytes = 0;
            let fits = |item: &&T| {
                bytes += size(item) + self.overhead;
                bytes <= self.bytes
            };
            let count = rest.iter().take(self.items).take_while(fits).count().max(1);
            let (request, others) = rest.split_at(count);
            rest = others;
            Some(request)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_below_the_limits() {
        let limits = RequestLimits { items: 10, bytes: 8 << 20, overhead: 500 };
        let counts =
            |sizes: &[usize]| limits.split(sizes, |size| *size).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(counts(&[3 << 20; 5]), [2, 2, 1]);
        assert_eq!(counts(&[20 << 20; 2]), [1, 1]);
        assert_eq!(counts(&[10; 11]), [10, 1]);
        assert!(counts(&[]).is_empty());
    }
}
