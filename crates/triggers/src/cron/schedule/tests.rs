use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike as _, Weekday};

use super::*;

/// Returns a schedule of these fields, with the others unset.
fn schedule(fields: &[(Field, &str)]) -> Schedule {
    let lists = Field::ALL.map(|field| {
        let given = fields.iter().find(|(name, _)| *name == field);
        Expression::parse_list(field, given.map_or("*", |(_, text)| text)).unwrap()
    });
    Schedule::new(|field| &lists[field as usize])
}

/// Returns the matching days of these years.
fn days(schedule: &Schedule, years: std::ops::Range<i32>) -> Vec<NaiveDate> {
    let mut days = Vec::new();
    let mut wall = NaiveDate::from_ymd_opt(years.start, 1, 1)
        .unwrap()
        .and_time(NaiveTime::MIN)
        .and_utc()
        .timestamp();
    while let Some(next) = schedule.next(wall) {
        let date = DateTime::from_timestamp(next, 0).unwrap().date_naive();
        if date.year() >= years.end {
            break;
        }
        days.push(date);
        wall = next + DAY_SECONDS;
    }
    days
}

fn expected(years: std::ops::Range<i32>, matches: impl Fn(NaiveDate) -> bool) -> Vec<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(years.start, 1, 1).unwrap();
    first
        .iter_days()
        .take_while(|date| date.year() < years.end)
        .filter(|date| matches(*date))
        .collect()
}

fn is_last(date: NaiveDate) -> bool {
    date.month() != date.succ_opt().unwrap().month()
}

#[test]
fn weekdays_of_the_month() {
    let years = 1999..2030;
    let first = schedule(&[
        (Field::Day, "1st tue,3rd sun,5th fri,last mon"),
        (Field::Hour, "0"),
        (Field::Minute, "0"),
        (Field::Second, "0"),
    ]);
    let found = days(&first, years.clone());
    assert_eq!(
        found,
        expected(years, |date| {
            let week = date.day0() / 7;
            match date.weekday() {
                Weekday::Tue => week == 0,
                Weekday::Sun => week == 2,
                Weekday::Fri => week == 4,
                Weekday::Mon => date.day() + 7 > u32::from(date.num_days_in_month()),
                _ => false,
            }
        })
    );
}

#[test]
fn iso_weeks_and_the_last_day() {
    let years = 1995..2035;
    let found = days(
        &schedule(&[(Field::Week, "1,9,52-53"), (Field::DayOfWeek, "mon,thu-sun")]),
        years.clone(),
    );
    let matches = |date: NaiveDate| {
        let weekday = date.weekday().num_days_from_monday();
        matches!(date.iso_week().week(), 1 | 9 | 52 | 53) && (weekday == 0 || weekday > 2)
    };
    assert_eq!(found, expected(years.clone(), matches));
    let found =
        days(&schedule(&[(Field::Day, "last,13"), (Field::Month, "feb,12")]), years.clone());
    let matches =
        |date: NaiveDate| matches!(date.month(), 2 | 12) && (date.day() == 13 || is_last(date));
    assert_eq!(found, expected(years, matches));
}

#[test]
fn years_step_and_end() {
    let rare = schedule(&[
        (Field::Year, "2000-2020/8,2011,9990/4"),
        (Field::Month, "2"),
        (Field::Day, "29"),
    ]);
    let found: Vec<i32> = days(&rare, 1970..10_000).iter().map(Datelike::year).collect();
    assert_eq!(found, [2000, 2008, 2016]);
    assert_eq!(schedule(&[(Field::Month, "2"), (Field::Day, "30")]).next(0), None);
    assert_eq!(schedule(&[(Field::Year, "2001")]).next(1_100_000_000), None);
}

#[test]
fn years_before_1970_and_after_9999_do_not_match() {
    let every_second = schedule(&[]);
    assert_eq!(every_second.next(-100_000_000_000), Some(0));
    assert_eq!(every_second.next(253_402_300_799), Some(253_402_300_799));
    assert_eq!(every_second.next(253_402_300_800), None);
}

#[test]
fn times_of_day() {
    let sparse =
        schedule(&[(Field::Hour, "3,23"), (Field::Minute, "0,59"), (Field::Second, "7,59")]);
    let (mut wall, mut found) = (0, Vec::new());
    while let Some(next) = sparse.next(wall).filter(|next| *next < DAY_SECONDS) {
        let time = DateTime::from_timestamp(next, 0).unwrap().time();
        found.push((time.hour(), time.minute(), time.second()));
        wall = next + 1;
    }
    let expected = [
        (3, 0, 7),
        (3, 0, 59),
        (3, 59, 7),
        (3, 59, 59),
        (23, 0, 7),
        (23, 0, 59),
        (23, 59, 7),
        (23, 59, 59),
    ];
    assert_eq!(found, expected);
    assert_eq!(sparse.next(wall), Some(DAY_SECONDS + 3 * 3600 + 7));
}
