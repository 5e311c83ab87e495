//! Suggestions for unknown names: the nearest known name, and a list of all.

use std::fmt::Write as _;

/// Returns the known name that is most similar to `name`, if one is similar enough. A path without its beginning
/// (`orders::ship` of `shop::orders::ship`) matches the shortest path that ends with it.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let known: Vec<(String, &str)> =
        known.into_iter().map(|candidate| (candidate.to_lowercase(), candidate)).collect();
    let end = format!("::{wanted}");
    let whole = known
        .iter()
        .filter(|(candidate, _)| !wanted.is_empty() && candidate.ends_with(&end))
        .min_by_key(|(candidate, _)| candidate.len());
    if let Some((_, candidate)) = whole {
        return Some(candidate);
    }
    known
        .into_iter()
        .map(|(lower, candidate)| (similarity(&wanted, &lower), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// Returns the similarity, from 0 to 1. Two swapped letters in a short name (`dya`) count for too much in Jaro-Winkler, so
/// they are handled separately.
fn similarity(given: &str, known: &str) -> f64 {
    let letters = |name: &str| {
        let mut letters: Vec<char> = name.chars().collect();
        letters.sort_unstable();
        letters
    };
    let swapped = letters(given) == letters(known) && strsim::osa_distance(given, known) == 1;
    strsim::jaro_winkler(given, known).max(if swapped { 0.9 } else { 0.0 })
}

/// Returns the end of an error message: `; did you mean `x`? KNOWN_ARE: a, b, c`.
pub fn hint<'a>(name: &str, known_are: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let mut text = String::new();
    if let Some(near) = nearest(name, known.iter().copied()) {
        // Writing to a String can't fail.
        let _ = write!(text, "; did you mean `{near}`?");
    }
    let list = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let _ = write!(text, "{} {known_are}: {list}", if text.is_empty() { ";" } else { "" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name() {
        assert_eq!(nearest("max_worker", ["max_workers", "pool_kwargs"]), Some("max_workers"));
        assert_eq!(nearest("dya", ["year", "month", "day"]), Some("day"));
        assert_eq!(nearest("6th", ["4th", "5th"]), None);
        assert_eq!(nearest("zzz", ["max_workers", "pool_kwargs"]), None);
    }

    #[test]
    fn the_end_of_a_path_finds_the_whole_path() {
        let known =
            ["inner::g", "mac::inner::f", "mac::inner::nested", "mac::nest", "a::mac::inner::f"];
        assert_eq!(nearest("inner::f", known), Some("mac::inner::f"));
        assert_eq!(nearest("nested", known), Some("mac::inner::nested"));
        assert_eq!(nearest("ested", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn the_hint_lists_the_known_names() {
        assert_eq!(
            hint("corn", "known triggers", ["interval", "cron"]),
            "; did you mean `cron`? known triggers: cron, interval"
        );
        assert_eq!(hint("x", "known triggers", []), "; known triggers: none");
    }
}
