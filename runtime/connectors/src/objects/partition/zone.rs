//! Time zones by the names that Joda's `DateTimeZone.forID` knows.

use gantry_api::{Error, Result};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};

/// A zone.
#[derive(Clone, Debug)]
pub(in crate::objects) struct Zone(TimeZone);

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Zone {
    /// `Europe/Paris`, `UTC` or `+02:00`.
    pub(in crate::objects) fn parse(id: &str) -> Result<Self, String> {
        let id = id.trim();
        if ["UTC", "UT", "GMT", "Z"].contains(&id) {
            return Ok(Self(TimeZone::UTC));
        }
        if id.starts_with(['+', '-']) {
            return offset(id).ok_or_else(|| format!("Invalid format: \"{id}\""));
        }
        let found = TimeZone::get(id).map(Self);
        found.map_err(|_| format!("The datetime zone id '{id}' is not recognised"))
    }

    /// A part of what its clocks show at a moment: yyyy, MM, dd, HH, or the whole date.
    pub(in crate::objects) fn part(&self, moment_ms: i64, unit: &str) -> String {
        let Ok(moment) = Timestamp::from_millisecond(moment_ms) else {
            return moment_ms.to_string();
        };
        let shown = moment.to_zoned_datetime(self.0.clone());
        match unit {
            "yyyy" => format!("{:04}", shown.year()),
            "MM" => format!("{:02}", shown.month()),
            "dd" => format!("{:02}", shown.day()),
            "HH" => format!("{:02}", shown.hour()),
            _ => shown.date().to_string(),
        }
    }

    /// What its clocks show at a moment, as milliseconds.
    pub(super) fn local(&self, moment_ms: i64) -> i64 {
        let Ok(moment) = Timestamp::from_millisecond(moment_ms) else { return moment_ms };
        moment_ms + i64::from(self.0.to_offset(moment).seconds()) * 1000
    }

    /// The moment at which its clocks show this, with what they show then: what they never show is later.
    pub(super) fn shown(&self, local_ms: i64) -> Result<ZonedDateTime> {
        let far = || {
            Error::data(format!("{local_ms} milliseconds since 1970 are too far away for a date"))
        };
        let wall = EPOCH.checked_add(SignedDuration::from_millis(local_ms)).map_err(|_| far())?;
        self.0.to_ambiguous_zoned_datetime(wall).compatible().map_err(|_| far())
    }

    /// The next moment that is a multiple of the period after midnight, midnight at the latest.
    pub(in crate::objects) fn next_multiple(&self, now_ms: i64, period_ms: i64) -> Option<i64> {
        let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned_datetime(self.0.clone());
        let begin = now.start_of_day().ok()?;
        let end =
            begin.checked_add(1.day()).ok()?.start_of_day().ok()?.timestamp().as_millisecond();
        let begin = begin.timestamp().as_millisecond();
        let next = begin + ((now_ms - begin) / period_ms + 1).checked_mul(period_ms)?;
        Some(next.min(end))
    }
}

/// `+2`, `+02`, `+02:30`, `+0230`.
fn offset(id: &str) -> Option<Zone> {
    let (sign, digits) = id.split_at_checked(1)?;
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = match digits.len() {
        1 | 2 if is_plain => (digits.parse::<i32>().ok()?, 0),
        4 if is_plain => (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    let seconds = if sign == "-" { -seconds } else { seconds };
    jiff::tz::Offset::from_seconds(seconds).ok().map(|offset| Zone(TimeZone::fixed(offset)))
}
