//! Java's calendar (`GregorianCalendar`, UTC): fields overflow into the next greater one, and
//! days before 15 October 1582 are Julian.

use crate::logical::DAY_MS;

/// The first day of the Gregorian calendar, in days since the epoch.
pub const CUTOVER_DAY: i64 = -141_427;
/// The year in which the calendars change.
pub const CUTOVER_YEAR: i64 = 1582;
/// The months' English names.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The English names of the days of a week.
pub const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const HOUR_MS: i64 = 60 * MINUTE_MS;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const SECOND_MS: i64 = 1000;
/// No field reaches further, so that no sum of fields can overflow.
const FIELD_LIMIT: i64 = i32::MAX as i64;

/// A moment as calendar and clock show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The year; 0 is 1 BC, -1 is 2 BC.
    pub year: i64,
    /// January is 1.
    pub month: i64,
    /// Of the month, from 1.
    pub day: i64,
    /// Of the day, from 0.
    pub hour: i64,
    /// Of the hour.
    pub minute: i64,
    /// Of the minute.
    pub second: i64,
    /// Milliseconds of the second.
    pub millisecond: i64,
}

impl Fields {
    /// Midnight of 1 January 1970, where fields that a text does not name stand.
    pub const EPOCH: Self =
        Self { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, millisecond: 0 };

    /// The fields of a moment in milliseconds since the epoch, UTC.
    pub fn of(ms: i64) -> Self {
        Self::of_day(ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS))
    }
    /// The fields of a day since the epoch, and of milliseconds of that day.
    pub fn of_day(days: i64, rest: i64) -> Self {
        let (year, month, day) =
            if days >= CUTOVER_DAY { gregorian_date(days) } else { julian_date(days) };
        Self {
            year,
            month,
            day,
            hour: rest / HOUR_MS,
            minute: rest / MINUTE_MS % 60,
            second: rest / SECOND_MS % 60,
            millisecond: rest % SECOND_MS,
        }
    }
    /// Milliseconds since the epoch, UTC. Fields may be out of range, as for a lenient
    /// calendar: 30 February is 1 or 2 March.
    pub fn to_ms(self) -> i64 {
        let limited = |field: i64| field.clamp(-FIELD_LIMIT, FIELD_LIMIT);
        let months = limited(self.month) - 1;
        let year = limited(self.year);
        let clock = limited(self.hour) * HOUR_MS
            + limited(self.minute) * MINUTE_MS
            + limited(self.second) * SECOND_MS
            + limited(self.millisecond);
        moment_ms(year, clock, false, |system| {
            let (year, month) = (year + months.div_euclid(12), months.rem_euclid(12) + 1);
            system.day(year, month, 1) + limited(self.day) - 1
        })
    }
    /// The year as Java prints it: of its era, so 1 BC is 1.
    pub fn year_of_era(self) -> i64 {
        if self.year > 0 { self.year } else { 1 - self.year }
    }
    /// The day of the week of a moment, Sunday is 0.
    pub fn day_of_week(ms: i64) -> usize {
        (ms.div_euclid(DAY_MS) + 4).rem_euclid(7) as usize
    }
}

/// The two calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// From 15 October 1582 on.
    Gregorian,
    /// Before that.
    Julian,
}

impl System {
    /// The calendar in force on a day since the epoch.
    pub fn of_day(day: i64) -> Self {
        if day >= CUTOVER_DAY { Self::Gregorian } else { Self::Julian }
    }
    /// Days since the epoch of a date. The month is 1 to 12, the day any number; year 0 is 1 BC.
    pub fn day(self, year: i64, month: i64, day: i64) -> i64 {
        match self {
            Self::Gregorian => gregorian_days(year, month, day),
            Self::Julian => julian_days(year, month, day),
        }
    }
}

/// Milliseconds since the epoch of a date that is given by the fields of a lenient calendar.
/// `year` and `clock_ms` are as given; `day_in` says what day that date is in either calendar.
/// Days from the clock count before it is decided which calendar was in force. `of_year`: the
/// date counts days or weeks from the beginning of the year, which in 1582 is the Julian one.
/// Wraps at the ends of time.
pub fn moment_ms(year: i64, clock_ms: i64, of_year: bool, day_in: impl Fn(System) -> i64) -> i64 {
    let more_days = clock_ms.div_euclid(DAY_MS);
    let gregorian = || more_days + day_in(System::Gregorian);
    let julian = || more_days + day_in(System::Julian);
    let day = if year > CUTOVER_YEAR {
        let day = gregorian();
        if day >= CUTOVER_DAY { day } else { between(day, julian()) }
    } else if year < CUTOVER_YEAR {
        // What runs past the change of calendars is counted on from the Julian date.
        julian()
    } else if of_year {
        julian()
    } else {
        between(gregorian(), julian())
    };
    day.wrapping_mul(DAY_MS).wrapping_add(clock_ms.rem_euclid(DAY_MS))
}

/// The day where the calendars disagree on which was in force: days that never were are Julian.
fn between(gregorian: i64, julian: i64) -> i64 {
    if gregorian >= CUTOVER_DAY { gregorian } else { julian }
}

/// Days since the epoch of a Gregorian date; the month is 1 to 12, the day any number.
fn gregorian_days(year: i64, month: i64, day: i64) -> i64 {
    // Years start in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn gregorian_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    finish_date(era * 400 + year, of_year)
}

/// The same in the Julian calendar: every fourth year is a leap year.
fn julian_days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(4);
    let of_era = year.rem_euclid(4);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 1461 + of_era * 365 + of_year - 719_470
}

fn julian_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_470;
    let era = shifted.div_euclid(1461);
    let of_era = shifted.rem_euclid(1461);
    let year = (of_era - of_era / 1460) / 365;
    finish_date(era * 4 + year, of_era - 365 * year)
}

fn finish_date(year: i64, of_year: i64) -> (i64, i64, i64) {
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// As `java.util.Date.toString` prints it, in UTC: `Thu Jan 02 00:00:00 UTC 2020`.
pub fn java_date(ms: i64) -> String {
    let at = Fields::of(ms);
    let weekday = WEEKDAYS.get(Fields::day_of_week(ms)).unwrap_or(&"");
    let month = MONTHS.get(at.month as usize - 1).unwrap_or(&"");
    format!(
        "{weekday:.3} {month:.3} {:02} {:02}:{:02}:{:02} UTC {}",
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.year_of_era()
    )
}

/// `2020-01-02`
pub fn iso_date(ms: i64) -> String {
    let at = Fields::of(ms);
    format!("{:04}-{:02}-{:02}", at.year_of_era(), at.month, at.day)
}

/// `03:04:05.678Z`
pub fn iso_time(ms: i64) -> String {
    let at = Fields::of(ms);
    format!("{:02}:{:02}:{:02}.{:03}Z", at.hour, at.minute, at.second, at.millisecond)
}

/// `2020-01-02T03:04:05.678Z`
pub fn iso_timestamp(ms: i64) -> String {
    format!("{}T{}", iso_date(ms), iso_time(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_fields_are_inverse() {
        for day in (-1_500_000..1_500_000).step_by(97) {
            let ms = day * DAY_MS + 12_345_678;
            assert_eq!(Fields::of(ms).to_ms(), ms, "{:?}", Fields::of(ms));
        }
    }

    #[test]
    fn the_change_of_calendars() {
        let first = Fields::of(CUTOVER_DAY * DAY_MS);
        assert_eq!((first.year, first.month, first.day), (1582, 10, 15));
        let last = Fields::of((CUTOVER_DAY - 1) * DAY_MS);
        assert_eq!((last.year, last.month, last.day), (1582, 10, 4));
        let year_one = Fields { year: 1, ..Fields::EPOCH };
        assert_eq!(year_one.to_ms(), -62_135_769_600_000);
    }

    #[test]
    fn lenient_fields_overflow() {
        let february = Fields { year: 2020, month: 2, day: 30, ..Fields::EPOCH };
        assert_eq!(iso_date(february.to_ms()), "2020-03-01");
        let far = Fields { year: 2020, month: 14, day: -1, hour: 25, ..Fields::EPOCH };
        assert_eq!(iso_timestamp(far.to_ms()), "2021-01-31T01:00:00.000Z");
    }

    #[test]
    fn texts() {
        assert_eq!(java_date(1_700_000_000_123), "Tue Nov 14 22:13:20 UTC 2023");
        assert_eq!(java_date(1_577_923_200_000), "Thu Jan 02 00:00:00 UTC 2020");
        assert_eq!(iso_timestamp(-1), "1969-12-31T23:59:59.999Z");
    }
}
