//! How lengths of time are spread.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

/// How lengths of time are spread, in seconds. Half of them are at most `p50`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Returns `None` if there are none.
    #[expect(clippy::cast_precision_loss, reason = "few enough")]
    pub(crate) fn of(mut lengths: Vec<Duration>) -> Option<Self> {
        lengths.sort_unstable();
        let max = lengths.last()?.as_secs_f64();
        let count = lengths.len();
        // The nearest rank: the smallest length that at least so many percent do not exceed.
        let percentile = |percent: usize| {
            let rank = (count * percent).div_ceil(100).max(1);
            lengths.get(rank - 1).map_or(max, Duration::as_secs_f64)
        };
        let sum: f64 = lengths.iter().map(Duration::as_secs_f64).sum();
        Some(Self {
            count,
            mean: sum / count as f64,
            p50: percentile(50),
            p90: percentile(90),
            p99: percentile(99),
            max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_lengths_that_occurred() {
        let seconds = |all: &[u64]| all.iter().copied().map(Duration::from_secs).collect();
        assert_eq!(Spread::of(Vec::new()), None);
        let shown = |spread: Option<Spread>| {
            let spread = spread.unwrap();
            [spread.mean, spread.p50, spread.p90, spread.p99, spread.max].map(|x| x.to_string())
        };
        assert_eq!(shown(Spread::of(seconds(&[3]))), ["3"; 5]);
        let all: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(shown(Spread::of(seconds(&all))), ["50.5", "50", "90", "99", "100"]);
    }
}
