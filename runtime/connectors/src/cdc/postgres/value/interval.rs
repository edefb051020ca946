//! Intervals, in ISO 8601's form: `P1Y2M3DT4H5M6.7S`, each number with a sign of its own.

use gantry_api::{Error, Result, Value};

#[derive(Default)]
struct Interval {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    micros: i64,
}

/// Months are as long as those of a year on average, in days.
const MONTH_DAYS: f64 = 365.25 / 12.0;

fn micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_negative = whole.starts_with('-');
    let seconds: i64 = whole.parse().ok()?;
    let mut digits = fraction.to_owned();
    while digits.len() < 6 {
        digits.push('0');
    }
    let rest: i64 = digits.get(..6)?.parse().ok()?;
    Some(seconds * 1_000_000 + if is_negative { -rest } else { rest })
}

fn parse(text: &str) -> Option<Interval> {
    let mut interval = Interval::default();
    let (date, time) = text
        .strip_prefix('P')?
        .split_once('T')
        .map_or((text.strip_prefix('P')?, ""), |(date, time)| (date, time));
    for (part, is_time) in [(date, false), (time, true)] {
        let mut rest = part;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_uppercase())?;
            let (number, tail) = rest.split_at(end);
            match (tail.chars().next()?, is_time) {
                ('Y', false) => interval.years = number.parse().ok()?,
                ('M', false) => interval.months = number.parse().ok()?,
                ('D', false) => interval.days = number.parse().ok()?,
                ('H', true) => interval.hours = number.parse().ok()?,
                ('M', true) => interval.minutes = number.parse().ok()?,
                ('S', true) => interval.micros = micros(number)?,
                _ => return None,
            }
            rest = tail.get(1..)?;
        }
    }
    Some(interval)
}

pub(super) fn read(text: &str, as_text: bool) -> Result<Value> {
    let interval = parse(text).ok_or_else(|| Error::data(format!("{text:?} is no interval")))?;
    Ok(if as_text { Value::str(&interval.text()) } else { Value::Int64(interval.micros()) })
}

impl Interval {
    fn text(&self) -> String {
        let Self { years, months, days, hours, minutes, micros } = self;
        let sign = if *micros < 0 { "-" } else { "" };
        let (seconds, rest) =
            (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        let mut text = format!("P{years}Y{months}M{days}DT{hours}H{minutes}M{sign}{seconds}");
        if rest != 0 {
            let digits = format!("{rest:06}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        text.push('S');
        text
    }

    /// In Java's doubles, as Debezium reckons.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "Java's arithmetic"
    )]
    fn micros(&self) -> i64 {
        let months = (self.years * 12 + self.months) as f64;
        let days = months * MONTH_DAYS + self.days as f64;
        let minutes = (days * 24.0 + self.hours as f64) * 60.0 + self.minutes as f64;
        let seconds = minutes * 60.0 + self.micros as f64 / 1e6;
        (seconds * 1e6) as i64
    }
}
