//! Dates and times as Debezium's types have them.

use std::time::{SystemTime, UNIX_EPOCH};

use gantry_api::Value;
use gantry_api::model::{Kind, SchemaBuilder, logical};

use super::config::Times;

pub(crate) const DAY_US: i64 = 86_400_000_000;

fn of(kind: Kind, name: &str) -> SchemaBuilder {
    let full = format!("io.debezium.time.{name}");
    SchemaBuilder::new(kind).name(Some(full.into())).version(Some(1))
}

/// A text of one of Debezium's types of times.
pub(crate) fn text_schema(name: &str) -> SchemaBuilder {
    of(Kind::String, name)
}

/// A number of one of Debezium's types of times.
pub(crate) fn number_schema(name: &str) -> SchemaBuilder {
    of(Kind::Int64, name)
}

/// Which of the forms a column's times have. `precision`: digits of a second that the column keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Millis,
    Micros,
    Nanos,
    Connect,
    Text,
}

impl Form {
    /// Of clocks.
    pub(crate) fn of_time(times: Times, precision: i32) -> Self {
        match times {
            Times::Adaptive if precision <= 3 => Self::Millis,
            Times::Adaptive | Times::AdaptiveMicros | Times::Micros => Self::Micros,
            Times::Connect => Self::Connect,
            Times::IsoText => Self::Text,
            Times::Nanos => Self::Nanos,
        }
    }

    /// Of dates with clocks.
    pub(crate) fn of_timestamp(times: Times, precision: i32) -> Self {
        match times {
            Times::Adaptive | Times::AdaptiveMicros if precision <= 3 => Self::Millis,
            Times::Adaptive | Times::AdaptiveMicros | Times::Micros => Self::Micros,
            Times::Connect => Self::Connect,
            Times::IsoText => Self::Text,
            Times::Nanos => Self::Nanos,
        }
    }

    pub(crate) fn time_schema(self) -> SchemaBuilder {
        match self {
            Self::Millis => of(Kind::Int32, "Time"),
            Self::Micros => of(Kind::Int64, "MicroTime"),
            Self::Nanos => of(Kind::Int64, "NanoTime"),
            Self::Connect => logical::time(),
            Self::Text => of(Kind::String, "IsoTime"),
        }
    }

    pub(crate) fn timestamp_schema(self) -> SchemaBuilder {
        match self {
            Self::Millis => of(Kind::Int64, "Timestamp"),
            Self::Micros => of(Kind::Int64, "MicroTimestamp"),
            Self::Nanos => of(Kind::Int64, "NanoTimestamp"),
            Self::Connect => logical::timestamp(),
            Self::Text => of(Kind::String, "IsoTimestamp"),
        }
    }

    /// A time of the day, in microseconds from its begin; a day's end may be meant.
    pub(crate) fn time(self, micros: i64) -> Value {
        match self {
            Self::Millis => {
                Value::Int32(i32::try_from(micros.div_euclid(1000)).unwrap_or_default())
            }
            Self::Micros => Value::Int64(micros),
            Self::Nanos => Value::Int64(micros.saturating_mul(1000)),
            Self::Connect => Value::Date(micros.div_euclid(1000)),
            Self::Text => {
                let mut text = String::with_capacity(20);
                clock(micros.rem_euclid(DAY_US), &mut text);
                text.push('Z');
                Value::str(&text)
            }
        }
    }

    /// A wall clock's date and time, in microseconds from 1970 on that clock. `None`: it is out of range.
    pub(crate) fn timestamp(self, micros: i64) -> Option<Value> {
        Some(match self {
            Self::Millis => Value::Int64(micros.div_euclid(1000)),
            Self::Micros => Value::Int64(micros),
            Self::Nanos => Value::Int64(micros.checked_mul(1000)?),
            Self::Connect => Value::Date(micros.div_euclid(1000)),
            Self::Text => Value::str(&iso(micros, None)),
        })
    }
}

/// The schema of dates.
pub(crate) fn date_schema(times: Times) -> SchemaBuilder {
    match times {
        Times::Connect => logical::date(),
        Times::IsoText => of(Kind::String, "IsoDate"),
        _ => of(Kind::Int32, "Date"),
    }
}

/// A date, in days from 1970.
pub(crate) fn date(times: Times, days: i64) -> Value {
    match times {
        Times::Connect => Value::Date(days.saturating_mul(logical::DAY_MS)),
        Times::IsoText => {
            let mut text = String::with_capacity(12);
            calendar(days, &mut text);
            text.push('Z');
            Value::str(&text)
        }
        _ => Value::Int32(i32::try_from(days).unwrap_or_default()),
    }
}

/// `2016-11-04T11:51:30.123Z`: fractions without zeros at the end, or with that many digits.
pub(crate) fn iso(micros: i64, digits: Option<usize>) -> String {
    let mut text = String::with_capacity(32);
    calendar(micros.div_euclid(DAY_US), &mut text);
    text.push('T');
    let rest = micros.rem_euclid(DAY_US);
    match digits {
        None => clock(rest, &mut text),
        Some(digits) => {
            seconds(rest / 1_000_000, &mut text);
            if digits > 0 {
                text.push('.');
                let fraction = format!("{:06}", rest % 1_000_000);
                text.push_str(fraction.get(..digits.min(6)).unwrap_or(&fraction));
            }
        }
    }
    text.push('Z');
    text
}

/// What time it is.
pub(crate) fn now_text() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    iso(i64::try_from(since.as_micros()).unwrap_or(0), None)
}

/// `11:51:30.123Z`, from microseconds of the day.
pub(crate) fn iso_clock(micros: i64) -> String {
    let mut text = String::with_capacity(20);
    clock(micros, &mut text);
    text.push('Z');
    text
}

fn two(number: i64, into: &mut String) {
    for digit in [number / 10 % 10, number % 10] {
        into.push(char::from(b'0' + u8::try_from(digit).unwrap_or_default()));
    }
}

fn seconds(total: i64, into: &mut String) {
    two(total / 3600, into);
    into.push(':');
    two(total / 60 % 60, into);
    into.push(':');
    two(total % 60, into);
}

fn clock(micros: i64, into: &mut String) {
    seconds(micros / 1_000_000, into);
    let fraction = micros % 1_000_000;
    if fraction != 0 {
        into.push('.');
        let digits = format!("{fraction:06}");
        into.push_str(digits.trim_end_matches('0'));
    }
}

/// Year, month and day as Java's `LocalDate` shows them.
fn calendar(days: i64, into: &mut String) {
    let (year, month, day) = civil(days);
    match year {
        0..=9999 => into.push_str(&format!("{year:04}")),
        10_000.. => into.push_str(&format!("+{year}")),
        _ => into.push_str(&format!("-{:04}", -year)),
    }
    into.push('-');
    two(month, into);
    into.push('-');
    two(day, into);
}

/// The proleptic Gregorian date of a day counted from 1970, of any year.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years from March of year 0: leap days come last.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let in_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, in_month)
}

/// The day from 1970 of a proleptic Gregorian date.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_both_ways() {
        for day in (-3_000_000..3_000_000).step_by(97) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(0, 2, 29) + 1, days(0, 3, 1));
    }

    #[test]
    fn texts_are_javas() {
        assert_eq!(iso(0, None), "1970-01-01T00:00:00Z");
        assert_eq!(iso(1_500_000, None), "1970-01-01T00:00:01.5Z");
        assert_eq!(iso(1_500_000, Some(6)), "1970-01-01T00:00:01.500000Z");
        assert_eq!(iso(1_500_000, Some(0)), "1970-01-01T00:00:01Z");
        assert_eq!(iso(-1, Some(3)), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso(days(21016, 11, 4) * DAY_US, None), "+21016-11-04T00:00:00Z");
        assert_eq!(iso(days(-4712, 1, 1) * DAY_US, None), "-4712-01-01T00:00:00Z");
        assert_eq!(iso_clock(42_690_123_789), "11:51:30.123789Z");
    }

    #[test]
    fn forms_go_by_precision() {
        assert_eq!(Form::of_time(Times::Adaptive, 3), Form::Millis);
        assert_eq!(Form::of_time(Times::AdaptiveMicros, 0), Form::Micros);
        assert_eq!(Form::of_timestamp(Times::AdaptiveMicros, 3), Form::Millis);
        assert_eq!(Form::of_timestamp(Times::Adaptive, 6), Form::Micros);
        assert_eq!(Form::Millis.timestamp(-1), Some(Value::Int64(-1)));
        assert_eq!(Form::Nanos.timestamp(i64::MAX), None);
        assert_eq!(Form::Millis.time(DAY_US), Value::Int32(86_400_000));
        assert_eq!(Form::Text.time(DAY_US), Value::str("00:00:00Z"));
    }
}
