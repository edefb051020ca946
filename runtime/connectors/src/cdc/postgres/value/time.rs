//! Dates and times. The session's style of dates is ISO, and its zone UTC.

use gantry_api::{Error, Result, Value};

use super::super::super::config::Times;
use super::super::super::times::{self, DAY_US, Form};

/// What `infinity` is as a date where it must be a number: the first day of Java's calendar.
const INFINITE_DAY: i64 = -2_147_472_692;
const INFINITE_PAST_DAY: i64 = -2_147_472_691;
/// The same of a timestamp, in milliseconds: what PostgreSQL's Java driver makes of it.
const INFINITE_MS: i64 = 9_223_372_036_825_200_000;
const INFINITE_PAST_MS: i64 = -9_223_372_036_832_400_000;

fn wrong(text: &str, what: &str) -> Error {
    Error::data(format!("{text:?} is no {what}"))
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `2016-11-04`, of years of any length; before year 1 behind ` BC`, which is not here any more.
fn day(text: &str, is_bc: bool) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) =
        (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let year = if is_bc { 1 - year } else { year };
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then(|| times::days(year, month, day))
}

/// `13:51:30.123`, up to 24:00, in microseconds.
fn clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.splitn(3, ':');
    let hours = number(parts.next()?)?;
    let minutes = number(parts.next()?)?;
    let seconds = parts.next().map_or(Some(0), number)?;
    let fraction = match fraction.len() {
        0 => 0,
        length @ 1..=6 => number(fraction)? * 10_i64.pow(6 - u32::try_from(length).ok()?),
        _ => return None,
    };
    Some((hours * 3600 + minutes * 60 + seconds) * 1_000_000 + fraction)
}

/// `+02`, `-03:30`, `+05:53:28`, in microseconds.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut parts = text.get(1..)?.splitn(3, ':');
    let hours = number(parts.next()?)?;
    let minutes = parts.next().map_or(Some(0), number)?;
    let seconds = parts.next().map_or(Some(0), number)?;
    Some(sign * (hours * 3600 + minutes * 60 + seconds) * 1_000_000)
}

fn without_era(text: &str) -> (&str, bool) {
    match text.strip_suffix(" BC") {
        Some(rest) => (rest, true),
        None => (text, false),
    }
}

pub(super) fn date(text: &str, form: Times) -> Result<Value> {
    match (text, form) {
        ("infinity", Times::IsoText) => return Ok(Value::str("-5877611-06-21Z")),
        ("-infinity", Times::IsoText) => return Ok(Value::str("-5877611-06-22Z")),
        ("infinity", _) => return Ok(times::date(form, INFINITE_DAY)),
        ("-infinity", _) => return Ok(times::date(form, INFINITE_PAST_DAY)),
        _ => {}
    }
    let (rest, is_bc) = without_era(text);
    day(rest, is_bc).map(|day| times::date(form, day)).ok_or_else(|| wrong(text, "date"))
}

pub(super) fn time(text: &str, form: Times, precision: i32) -> Result<Value> {
    let micros = clock(text).ok_or_else(|| wrong(text, "time"))?;
    Ok(Form::of_time(form, precision).time(micros))
}

/// In UTC.
pub(super) fn time_zoned(text: &str) -> Result<Value> {
    let wrong = || wrong(text, "time with a zone");
    let at = text.rfind(['+', '-']).ok_or_else(wrong)?;
    let (local, zone) = text.split_at(at);
    let (micros, zone) = (clock(local).ok_or_else(wrong)?, offset(zone).ok_or_else(wrong)?);
    if micros == DAY_US && zone == 0 {
        return Ok(Value::str("24:00:00Z"));
    }
    Ok(Value::str(&times::iso_clock((micros - zone).rem_euclid(DAY_US))))
}

/// Date and time of a wall clock, in microseconds from 1970 there.
fn wall(text: &str) -> Option<i64> {
    let (rest, is_bc) = without_era(text);
    let (date, time) = rest.split_once(' ')?;
    Some(day(date, is_bc)? * DAY_US + clock(time)?)
}

pub(super) fn timestamp(text: &str, form: Times, precision: i32) -> Result<Value> {
    let form = Form::of_timestamp(form, precision);
    match text {
        "infinity" => {
            return Ok(infinite(form, INFINITE_MS, i64::MAX, "+292278994-08-16T23:00:00Z"));
        }
        "-infinity" => {
            return Ok(infinite(form, INFINITE_PAST_MS, i64::MIN, "-292275055-05-16T23:00:00Z"));
        }
        _ => {}
    }
    let micros = wall(text).ok_or_else(|| wrong(text, "timestamp"))?;
    form.timestamp(micros)
        .ok_or_else(|| Error::data(format!("{text} is out of the range of nanoseconds")))
}

fn infinite(form: Form, ms: i64, most: i64, text: &str) -> Value {
    match form {
        Form::Millis => Value::Int64(ms),
        Form::Micros | Form::Nanos => Value::Int64(most),
        Form::Connect => Value::Date(ms),
        Form::Text => Value::str(text),
    }
}

/// In UTC, with as many digits of seconds as the column has.
pub(super) fn timestamp_zoned(text: &str, precision: i32) -> Result<Value> {
    if text.ends_with("infinity") {
        return Ok(Value::str(text));
    }
    let wrong = || wrong(text, "timestamp with a zone");
    let (rest, is_bc) = without_era(text);
    let (date, time) = rest.split_once(' ').ok_or_else(wrong)?;
    let at = time.rfind(['+', '-']).ok_or_else(wrong)?;
    let (time, zone) = time.split_at(at);
    let micros = day(date, is_bc).ok_or_else(wrong)? * DAY_US + clock(time).ok_or_else(wrong)?
        - offset(zone).ok_or_else(wrong)?;
    let digits = usize::try_from(precision.clamp(0, 6)).unwrap_or(6);
    Ok(Value::str(&times::iso(micros, Some(digits))))
}

/// Microseconds from 1970 of a timestamp with a zone.
pub(in crate::cdc::postgres) fn instant(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let (time, zone) = time.split_at(time.rfind(['+', '-'])?);
    Some(day(date, false)? * DAY_US + clock(time)? - offset(zone)?)
}
