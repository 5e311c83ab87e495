//! Time differences in words.

use apscheduler::time::Timestamp;

/// The time from `now` to `then` in its two largest units, such as `in 3 h 12 min`, `2 d ago` or `now`.
pub(crate) fn relative(now: Timestamp, then: Timestamp) -> String {
    let seconds = (then - now).num_seconds();
    let units = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let mut rest = seconds.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, length) in units {
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        } else if !parts.is_empty() {
            break;
        }
    }
    match (parts.is_empty(), seconds < 0) {
        (true, _) => "now".to_owned(),
        (false, false) => format!("in {}", parts.join(" ")),
        (false, true) => format!("{} ago", parts.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_two_largest_units() {
        let now = Timestamp::UNIX_EPOCH;
        let cases = [
            ("1970-01-01T00:00:00Z", "now"),
            ("1970-01-01T00:00:59Z", "in 59 s"),
            ("1970-01-01T00:01:01Z", "in 1 min 1 s"),
            ("1970-01-01T03:12:07Z", "in 3 h 12 min"),
            ("1970-01-03T00:12:07Z", "in 2 d"),
            ("1969-12-31T23:00:00Z", "1 h ago"),
        ];
        for (then, expected) in cases {
            assert_eq!(relative(now, then.parse().unwrap()), expected);
        }
    }
}
