//! The fields of a cron schedule.

/// The parts of the wall clock time that expressions restrict, from the most significant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    Month,
    Day,
    Week,
    DayOfWeek,
    Hour,
    Minute,
    Second,
}

pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Field {
    pub(super) const ALL: [Self; 8] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Week,
        Self::DayOfWeek,
        Self::Hour,
        Self::Minute,
        Self::Second,
    ];

    /// Returns the name of the option.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Week => "week",
            Self::DayOfWeek => "day_of_week",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }

    pub(super) fn min(self) -> u32 {
        match self {
            Self::Year => 1970,
            Self::Month | Self::Day | Self::Week => 1,
            Self::DayOfWeek | Self::Hour | Self::Minute | Self::Second => 0,
        }
    }

    pub(super) fn max(self) -> u32 {
        match self {
            Self::Year => 9999,
            Self::Month => 12,
            Self::Day => 31,
            Self::Week => 53,
            Self::DayOfWeek => 6,
            Self::Hour => 23,
            Self::Minute | Self::Second => 59,
        }
    }

    /// Returns the expression of a field that is not given and less significant than all given ones.
    pub(super) fn least(self) -> &'static str {
        match self {
            Self::Year | Self::Week | Self::DayOfWeek => "*",
            Self::Month | Self::Day => "1",
            Self::Hour | Self::Minute | Self::Second => "0",
        }
    }

    /// Returns the names of the values from `min` on; empty if they have no names.
    pub(super) fn value_names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    /// Describes the form of its expressions.
    pub(super) fn forms(self) -> String {
        let (min, max) = (self.min(), self.max());
        let numbers = format!(
            "`*`, `*/STEP`, `FIRST`, `FIRST-LAST` or `FIRST-LAST/STEP` with numbers from {min} to {max}"
        );
        match self {
            Self::Month => format!("{numbers}, or names: `jan`, `feb-apr`"),
            Self::DayOfWeek => format!("{numbers} (0 is Monday), or names: `mon`, `tue-fri`"),
            Self::Day => format!("{numbers}, or `last`, or a weekday: `1st mon`, `last fri`"),
            _ => numbers,
        }
    }
}
