//! From the fields that a text named to a moment. Where fields disagree, the group of fields
//! that was named last counts, by the rules of `java.util.Calendar`.

use gantry_model::calendar::Fields;

use super::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

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
    /// Sunday is 0.
    DayOfWeek,
    DayOfWeekInMonth,
    AmPm,
    Hour,
    HourOfDay,
    Minute,
    Second,
    Millisecond,
    ZoneMs,
}

const FIELDS: usize = Field::ZoneMs as usize + 1;
/// The year where none is named.
const EPOCH_YEAR: i64 = 1970;

/// Values of fields, and when each was set: 0 is never.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolver {
    values: [i64; FIELDS],
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
    pub(super) fn set(&mut self, field: Field, value: i64) {
        self.clock += 1;
        self.values[field as usize] = value;
        self.stamps[field as usize] = self.clock;
    }

    /// The same with a later year.
    pub(super) fn add_years(mut self, years: i64) -> Self {
        self.values[Field::Year as usize] += years;
        self.values[Field::WeekYear as usize] += years;
        self
    }

    fn stamp(&self, field: Field) -> u32 {
        self.stamps[field as usize]
    }

    fn get(&self, field: Field) -> Option<i64> {
        (self.stamp(field) > 0).then_some(self.values[field as usize])
    }

    /// Milliseconds since the epoch.
    pub(super) fn moment_ms(&self) -> i64 {
        let part = |field, unit| self.get(field).unwrap_or(0) * unit;
        let clock = self.hours() * HOUR_MS
            + part(Field::Minute, MINUTE_MS)
            + part(Field::Second, SECOND_MS)
            + part(Field::Millisecond, 1);
        self.midnight_ms().saturating_add(clock).saturating_sub(part(Field::ZoneMs, 1))
    }

    fn hours(&self) -> i64 {
        let (hour, half) = (self.stamp(Field::Hour), self.stamp(Field::AmPm));
        let twelve = if hour > 0 && half > 0 { hour.max(half) } else { 0 };
        let of_day = self.stamp(Field::HourOfDay);
        if of_day > 0 && of_day > twelve {
            return self.get(Field::HourOfDay).unwrap_or(0);
        }
        self.get(Field::Hour).unwrap_or(0) + 12 * self.get(Field::AmPm).unwrap_or(0)
    }

    fn midnight_ms(&self) -> i64 {
        if self.stamp(Field::WeekYear) > self.stamp(Field::Year) {
            let week = self.get(Field::WeekOfYear).unwrap_or(1);
            let year = self.get(Field::WeekYear).unwrap_or(EPOCH_YEAR);
            let weekday = match self.get(Field::DayOfWeek).unwrap_or(0) {
                valid @ 0..=6 => valid,
                // Outside the week Java takes the number for one that counts from Monday.
                outside => outside.div_euclid(7) * 7 + (outside + 1).rem_euclid(7),
            };
            return week_day_ms(first_ms(year, 0), week, weekday);
        }
        let year = self.get(Field::Year).unwrap_or(EPOCH_YEAR);
        let year = if self.get(Field::Era) == Some(0) { 1 - year } else { year };
        let month = self.get(Field::Month).unwrap_or(0);
        let weekday = self.get(Field::DayOfWeek).unwrap_or(0).rem_euclid(7);
        match self.date_by() {
            DateBy::DayOfMonth => {
                let day = self.get(Field::DayOfMonth).unwrap_or(1);
                Fields { year, month: month + 1, day, ..Fields::EPOCH }.to_ms()
            }
            DateBy::DayOfYear => {
                let day = self.get(Field::DayOfYear).unwrap_or(1);
                first_ms(year, 0).saturating_add((day - 1) * DAY_MS)
            }
            DateBy::WeekOfMonth => {
                let week = self.get(Field::WeekOfMonth).unwrap_or(1);
                week_day_ms(first_ms(year, month), week, weekday)
            }
            DateBy::WeekOfYear => {
                let week = self.get(Field::WeekOfYear).unwrap_or(1);
                week_day_ms(first_ms(year, 0), week, weekday)
            }
            DateBy::DayOfWeekInMonth => {
                let count = self.get(Field::DayOfWeekInMonth).unwrap_or(1);
                // From the last day of the month backwards where the count is negative.
                let last_ms = if count >= 0 {
                    first_ms(year, month).saturating_add((7 * count - 1) * DAY_MS)
                } else {
                    first_ms(year, month + 1).saturating_add((7 * (count + 1) - 1) * DAY_MS)
                };
                on_or_before_ms(last_ms, weekday)
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

/// Midnight of the first day of a month; January is 0.
fn first_ms(year: i64, month: i64) -> i64 {
    Fields { year, month: month + 1, day: 1, ..Fields::EPOCH }.to_ms()
}

/// The last day up to `ms` that is that weekday; Sunday is 0.
fn on_or_before_ms(ms: i64, weekday: i64) -> i64 {
    let day = ms.div_euclid(DAY_MS);
    let back = (day + 4 - weekday).rem_euclid(7);
    (day - back).saturating_mul(DAY_MS)
}

/// A weekday in a week; week 1 is the one that holds `first_ms`, and begins on Sunday.
fn week_day_ms(first_ms: i64, week: i64, weekday: i64) -> i64 {
    let sunday_ms = on_or_before_ms(first_ms, 0);
    sunday_ms.saturating_add((7 * (week - 1) + weekday) * DAY_MS)
}
