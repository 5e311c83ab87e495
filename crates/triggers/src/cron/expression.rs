//! The expressions of a field, in APScheduler's notation.

use std::fmt;

use apscheduler_core::{Error, ErrorKind, Result, suggestion};

use super::field::{Field, WEEKDAYS};

const POSITIONS: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];

/// One of the expressions between the commas of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// `*`, `*/3`
    All { step: Option<u32> },
    /// `5`, `5-20`, `5-20/3`, and `5/3`, which has no explicit last value.
    Range { first: u32, last: Option<u32>, step: Option<u32> },
    /// `mon`, `feb-apr`: indices into the names of the field's values.
    Names { first: usize, last: usize, names: &'static [&'static str] },
    /// `2nd tue`, `last fri`: indices into `POSITIONS` and `WEEKDAYS`.
    Weekday { position: usize, weekday: usize },
    /// `last`: the last day of the month.
    Last,
}

impl Expression {
    /// Parses the expressions of a field.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] that names the field, the expression, and the expected form.
    pub(super) fn parse_list(field: Field, text: &str) -> Result<Vec<Self>> {
        let parse = |part| {
            Self::parse(field, part).map_err(|what| {
                let message = format!("{}: `{part}`: {what}", field.name());
                Error::new(ErrorKind::InvalidTrigger, message)
            })
        };
        text.split(',').map(|part| parse(part.trim())).collect()
    }

    fn parse(field: Field, text: &str) -> Result<Self, String> {
        if let Some((numbers, given)) = Self::parse_numbers(text) {
            return numbers.check(field, &given);
        }
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        match (field, words.as_slice()) {
            (Field::Month | Field::DayOfWeek, [range])
                if range.starts_with(char::is_alphabetic) =>
            {
                Self::parse_names(field.value_names(), range)
            }
            (Field::Day, [word]) if word.eq_ignore_ascii_case("last") => Ok(Self::Last),
            (Field::Day, [position, weekday]) => Ok(Self::Weekday {
                position: index(&POSITIONS, position)?,
                weekday: index(&WEEKDAYS, weekday)?,
            }),
            _ => Err(format!("expected {}", field.forms())),
        }
    }

    fn parse_numbers(text: &str) -> Option<(Self, Given<'_>)> {
        let (range, step_text) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        let step = match step_text {
            Some(step) => Some(number(step)?),
            None => None,
        };
        let step_text = step_text.unwrap_or_default();
        if range == "*" {
            return Some((Self::All { step }, Given { high: "", step: step_text }));
        }
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, Some(number(last)?)),
            None => (number(range)?, None),
        };
        let high = range.split_once('-').map_or(range, |(_, last)| last);
        // `5` ends at 5, but `5/3` continues to the maximum.
        let last = last.or(step.is_none().then_some(first));
        Some((Self::Range { first, last, step }, Given { high, step: step_text }))
    }

    fn parse_names(names: &'static [&'static str], text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (index(names, first)?, index(names, last)?);
        if first > last {
            return Err(INVERTED.to_owned());
        }
        Ok(Self::Names { first, last, names })
    }

    /// Returns what is wrong with the numbers, in APScheduler's words.
    fn check(self, field: Field, given: &Given<'_>) -> Result<Self, String> {
        let (min, max) = (field.min(), field.max());
        let (first, last, step) = match self {
            Self::All { step } => (min, None, step),
            Self::Range { first, last, step } => (first, last, step),
            _ => return Ok(self),
        };
        let high = last.unwrap_or(first);
        if first > high {
            return Err(INVERTED.to_owned());
        }
        if first < min {
            return Err(format!(
                "the first value ({first}) is lower than the minimum value ({min})"
            ));
        }
        if high > max {
            let hint = if field == Field::DayOfWeek {
                "; weekdays go from 0 (Monday) to 6 (Sunday), or by name: Sunday is `sun`"
            } else {
                ""
            };
            return Err(format!(
                "the last value ({}) is higher than the maximum value ({max}){hint}",
                given.high
            ));
        }
        // APScheduler reads the last zero of `0-0/5` as "no last value" here, so it is not an error.
        let range = last.filter(|last| *last > 0).unwrap_or(max) - first;
        match step {
            Some(0) => Err("the step value must be higher than 0".to_owned()),
            Some(step) if step > range => Err(format!(
                "the step value ({}) is higher than the total range of the expression ({range})",
                given.step
            )),
            Some(_) if last == Some(first) => Ok(Self::Range { first, last, step: None }),
            _ => Ok(self),
        }
    }

    /// Returns the values: the first, the last, and the step.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 12 names")]
    pub(super) fn values(self, field: Field) -> Option<(u32, u32, u32)> {
        let (min, max) = (field.min(), field.max());
        match self {
            Self::All { step } => Some((min, max, step.unwrap_or(1))),
            Self::Range { first, last, step } => {
                Some((first, last.unwrap_or(max), step.unwrap_or(1)))
            }
            Self::Names { first, last, .. } => Some((min + first as u32, min + last as u32, 1)),
            Self::Weekday { .. } | Self::Last => None,
        }
    }
}

/// The numbers as given: a number that is too large for any field is parsed as another one.
struct Given<'a> {
    /// Returns the last value of a range, or the only one.
    high: &'a str,
    step: &'a str,
}

const INVERTED: &str = "the minimum value in a range must not be higher than the maximum";

/// Parses a number; one that is too large for any field stays too large.
fn number(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

fn index(names: &[&str], name: &str) -> Result<usize, String> {
    names.iter().position(|known| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let near = suggestion::nearest(name, names.iter().copied());
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        format!("unknown name `{name}`; {near}expected one of {}", names.join(", "))
    })
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::All { step } => write!(f, "*{}", suffix('/', step)),
            Self::Range { first, last, step } => {
                let last = last.filter(|last| *last != first);
                write!(f, "{first}{}{}", suffix('-', last), suffix('/', step))
            }
            Self::Names { first, last, names } => {
                let last = (last != first).then(|| names[last]);
                write!(f, "{}{}", names[first], suffix('-', last))
            }
            Self::Weekday { position, weekday } => {
                write!(f, "{} {}", POSITIONS[position], WEEKDAYS[weekday])
            }
            Self::Last => f.write_str("last"),
        }
    }
}

fn suffix(sign: char, value: Option<impl fmt::Display>) -> String {
    value.map(|value| format!("{sign}{value}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_normalized() {
        let cases = [
            (Field::Day, "1-2, 4-7", "1-2,4-7"),
            (Field::Day, " LAST ,2nd  Tue", "last,2nd tue"),
            (Field::DayOfWeek, "WED,TUE-SAT,fri-fri", "wed,tue-sat,fri"),
            (Field::Month, "Jan-DEC , 3", "jan-dec,3"),
            (Field::Hour, "07,5-5,*/3,5/3,0-0/5", "7,5,*/3,5/3,0"),
        ];
        for (field, text, expected) in cases {
            let list = Expression::parse_list(field, text).unwrap();
            let shown: Vec<String> = list.iter().map(Expression::to_string).collect();
            assert_eq!(shown.join(","), expected);
        }
    }

    #[test]
    fn errors_show_the_expected_form() {
        let cases = [
            (
                Field::Day,
                "*/31",
                "day: `*/31`: the step value (31) is higher than the total range of the expression (30)",
            ),
            (
                Field::Day,
                "4-6/3",
                "day: `4-6/3`: the step value (3) is higher than the total range of the expression (2)",
            ),
            (
                Field::Hour,
                "0-24",
                "hour: `0-24`: the last value (24) is higher than the maximum value (23)",
            ),
            (
                Field::Day,
                "0-3",
                "day: `0-3`: the first value (0) is lower than the minimum value (1)",
            ),
            (Field::Hour, "*/0", "hour: `*/0`: the step value must be higher than 0"),
            (
                Field::Hour,
                "60/5",
                "hour: `60/5`: the last value (60) is higher than the maximum value (23)",
            ),
            (
                Field::Year,
                "99999999999",
                "year: `99999999999`: the last value (99999999999) is higher than the maximum value (9999)",
            ),
            (
                Field::Hour,
                "*/99999999999999999999",
                "hour: `*/99999999999999999999`: the step value (99999999999999999999) is higher than the total range of the expression (23)",
            ),
            (
                Field::DayOfWeek,
                "7",
                "day_of_week: `7`: the last value (7) is higher than the maximum value (6); weekdays go from 0 (Monday) to 6 (Sunday), or by name: Sunday is `sun`",
            ),
            (
                Field::Day,
                "5-3",
                "day: `5-3`: the minimum value in a range must not be higher than the maximum",
            ),
            (
                Field::DayOfWeek,
                "sun-mon",
                "day_of_week: `sun-mon`: the minimum value in a range must not be higher than the maximum",
            ),
            (
                Field::DayOfWeek,
                "moh",
                "day_of_week: `moh`: unknown name `moh`; did you mean `mon`? expected one of mon, tue, wed, thu, fri, sat, sun",
            ),
            (
                Field::Day,
                "6th fri",
                "day: `6th fri`: unknown name `6th`; expected one of 1st, 2nd, 3rd, 4th, 5th, last",
            ),
            (
                Field::Minute,
                "1,,2",
                "minute: ``: expected `*`, `*/STEP`, `FIRST`, `FIRST-LAST` or `FIRST-LAST/STEP` with numbers from 0 to 59",
            ),
        ];
        for (field, text, expected) in cases {
            assert_eq!(Expression::parse_list(field, text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_valid_prefix_is_not_enough() {
        let cases = [
            (Field::Month, "jan-feb/2"),
            (Field::Month, "jan-"),
            (Field::DayOfWeek, "mon fri"),
            (Field::Day, "last fri sat"),
            (Field::Day, "lastly"),
            (Field::Hour, "5 6"),
            (Field::Hour, "-5"),
            (Field::Hour, "5-"),
            (Field::Hour, "+5"),
            (Field::Hour, "last"),
        ];
        for (field, text) in cases {
            assert!(Expression::parse_list(field, text).is_err(), "{text}");
        }
    }
}
