//! From the fields that a text named to a moment. Where fields disagree, the group of fields
//! that was named last counts, by the rules of `java.util.Calendar`.

use gantry_model::calendar::{Fields, System, moment_ms};

use super::week::on_or_before;
use super::{HOUR_MS, MINUTE_MS, SECOND_MS};

/// A field of the calendar, counted from 0 where Java counts so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// 0 is BC.
    Era,
    Year,
    WeekYear,
    /// January is 0.
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfMonth,
    DayOfYear,
    /// Sunday is 1; any number outside of a week is counted on.
    DayOfWeek,
    DayOfWeekInMonth,
    AmPm,
    Hour,
    HourOfDay,
    Minute,
    Second,
    Millisecond,
    ZoneMs,
    DaylightMs,
}

const FIELDS: usize = Field::DaylightMs as usize + 1;
/// The year where none is named.
const EPOCH_YEAR: i32 = 1970;
const SUNDAY: i32 = 1;
const SATURDAY: i32 = 7;

/// Values of fields, and when each was set: 0 is never. Values are Java's 32 bits, and sums of
/// them wrap as Java's do.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolver {
    values: [i32; FIELDS],
    stamps: [u32; FIELDS],
    clock: u32,
}

/// The group of fields that gives the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DateBy {
    DayOfMonth,
    WeekOfMonth,
    DayOfWeekInMonth,
    DayOfYear,
    WeekOfYear,
}

impl Resolver {
    pub(super) fn set(&mut self, field: Field, value: i32) {
        self.clock += 1;
        self.values[field as usize] = value;
        self.stamps[field as usize] = self.clock;
    }

    /// Takes a field back.
    pub(super) fn clear(&mut self, field: Field) {
        self.values[field as usize] = 0;
        self.stamps[field as usize] = 0;
    }

    /// The same with a later year.
    pub(super) fn add_years(mut self, years: i32) -> Self {
        for field in [Field::Year, Field::WeekYear] {
            let value = &mut self.values[field as usize];
            *value = value.wrapping_add(years);
        }
        self
    }

    fn stamp(&self, field: Field) -> u32 {
        self.stamps[field as usize]
    }

    /// The value of a field that was set.
    pub(super) fn get(&self, field: Field) -> Option<i32> {
        (self.stamp(field) > 0).then_some(self.values[field as usize])
    }

    /// Milliseconds since the epoch as a clock in the text's own zone shows them.
    pub(super) fn wall_ms(&self) -> i64 {
        let part = |field| i64::from(self.get(field).unwrap_or(0));
        let clock = self.hours() * HOUR_MS
            + part(Field::Minute) * MINUTE_MS
            + part(Field::Second) * SECOND_MS
            + part(Field::Millisecond);
        let year = self.get(Field::Year).unwrap_or(EPOCH_YEAR);
        let year = if self.get(Field::Era) == Some(0) { 1i32.wrapping_sub(year) } else { year };
        let by = self.date_by();
        let of_year = matches!(by, DateBy::DayOfYear | DateBy::WeekOfYear);
        let ms = moment_ms(i64::from(year), clock, of_year, |system| self.day(year, by, system));
        if self.stamp(Field::WeekYear) > self.stamp(Field::Year) {
            // Of what the other fields say only the era counts.
            return self.week_date_ms(clock, Fields::of(ms).year > 0);
        }
        ms
    }

    fn hours(&self) -> i64 {
        let (hour, half) = (self.stamp(Field::Hour), self.stamp(Field::AmPm));
        let twelve = if hour > 0 && half > 0 { hour.max(half) } else { 0 };
        let of_day = self.stamp(Field::HourOfDay);
        if of_day > 0 && of_day > twelve {
            return i64::from(self.get(Field::HourOfDay).unwrap_or(0));
        }
        let half = 12 * self.get(Field::AmPm).unwrap_or(0);
        i64::from(self.get(Field::Hour).unwrap_or(0)) + i64::from(half)
    }

    /// A date by week and weekday of a year of weeks.
    fn week_date_ms(&self, clock: i64, after_christ: bool) -> i64 {
        let year = self.get(Field::WeekYear).unwrap_or(EPOCH_YEAR);
        let year = if after_christ { year } else { 1i32.wrapping_sub(year) };
        let mut week = self.get(Field::WeekOfYear).unwrap_or(1);
        let mut weekday = self.get(Field::DayOfWeek).unwrap_or(SUNDAY);
        if !(SUNDAY..=SATURDAY).contains(&weekday) {
            // Java takes such a number for one that counts from Monday.
            let from_monday = weekday.wrapping_sub(1);
            week = week.wrapping_add(from_monday.div_euclid(7));
            let iso = from_monday.rem_euclid(7) + 1;
            weekday = if iso == 7 { SUNDAY } else { iso + 1 };
        }
        let days = (weekday - SUNDAY).wrapping_add(week.wrapping_sub(1).wrapping_mul(7));
        let first_week = |system: System| week_day(system.day(i64::from(year), 1, 1), SUNDAY, 0);
        let first_ms = moment_ms(i64::from(year), 0, true, first_week);
        let day = first_ms.div_euclid(super::DAY_MS).wrapping_add(i64::from(days));
        let Fields { year, month, day, .. } = Fields::of_day(day, 0);
        moment_ms(year, clock, false, |system| system.day(year, month, day))
    }

    /// Days since the epoch in one of the calendars.
    fn day(&self, year: i32, by: DateBy, system: System) -> i64 {
        let months = self.get(Field::Month).unwrap_or(0);
        let in_year = year.wrapping_add(months.div_euclid(12));
        let month = months.rem_euclid(12) + 1;
        let first_of_month = system.day(i64::from(in_year), i64::from(month), 1);
        let first_of_year = system.day(i64::from(year), 1, 1);
        let count = |field| self.get(field).unwrap_or(1);
        let weekday = self.get(Field::DayOfWeek);
        match by {
            DateBy::DayOfMonth => first_of_month + i64::from(count(Field::DayOfMonth)) - 1,
            DateBy::DayOfYear => first_of_year + i64::from(count(Field::DayOfYear)) - 1,
            DateBy::WeekOfMonth => {
                let weeks = count(Field::WeekOfMonth).wrapping_sub(1).wrapping_mul(7);
                week_day(first_of_month, weekday.unwrap_or(SUNDAY), i64::from(weeks))
            }
            DateBy::WeekOfYear => {
                let weeks = 7 * (i64::from(count(Field::WeekOfYear)) - 1);
                week_day(first_of_year, weekday.unwrap_or(SUNDAY), weeks)
            }
            DateBy::DayOfWeekInMonth => {
                let weeks = count(Field::DayOfWeekInMonth);
                let weekday = weekday.unwrap_or(SUNDAY);
                if weeks >= 0 {
                    let days = i64::from(weeks.wrapping_mul(7));
                    return on_or_before(first_of_month + days - 1, weekday);
                }
                // From the last day of the month backwards.
                let back = weeks.wrapping_add(1).wrapping_mul(7);
                let last = month_length(in_year, month).wrapping_add(back);
                on_or_before(first_of_month + i64::from(last) - 1, weekday)
            }
        }
    }

    /// Which group was named last. A weekday belongs to all groups of weeks: then it is the
    /// latest week or count of any that decides.
    fn date_by(&self) -> DateBy {
        let weekday = self.stamp(Field::DayOfWeek);
        let (in_month, count) =
            (self.stamp(Field::WeekOfMonth), self.stamp(Field::DayOfWeekInMonth));
        let in_year = self.stamp(Field::WeekOfYear);
        let with_weekday =
            |stamp: u32| if stamp > 0 && weekday > 0 { stamp.max(weekday) } else { 0 };
        let day = self.stamp(Field::DayOfMonth);
        let day_of_year = self.stamp(Field::DayOfYear);
        let mut by_week = with_weekday(in_month);
        let mut by_count = with_weekday(count);
        let mut best = day.max(by_week).max(by_count).max(day_of_year).max(with_weekday(in_year));
        if best == 0 {
            (by_week, by_count) = (in_month, count.max(weekday));
            best = by_week.max(by_count).max(in_year);
        }
        if best == day {
            // Also where nothing is named: the first of the month.
            return DateBy::DayOfMonth;
        }
        let of_month =
            best == by_week && in_month >= in_year || best == by_count && count >= in_year;
        match of_month {
            true if by_week == by_count && in_month >= count => DateBy::WeekOfMonth,
            true if by_week != by_count && best == by_week => DateBy::WeekOfMonth,
            true => DateBy::DayOfWeekInMonth,
            false if best == day_of_year => DateBy::DayOfYear,
            false => DateBy::WeekOfYear,
        }
    }
}

/// A weekday so many days behind the week, from Sunday on, that holds a day.
fn week_day(day: i64, weekday: i32, days: i64) -> i64 {
    let sunday = on_or_before(day, SUNDAY);
    on_or_before(sunday + 6, weekday).wrapping_add(days)
}

fn month_length(year: i32, month: i32) -> i32 {
    let leap = year % 4 == 0 && (year <= 1582 || year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
