//! Dates, times and moments in text: `parser.timestamp.date.formats` in `parser.timestamp.timezone`.

use std::sync::{Arc, Mutex, PoisonError};

use gantry_api::model::logical::Logical;
use gantry_api::{Error, Result, Schema};
use gantry_transforms::SimpleDateFormat;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A pattern.
#[derive(Debug)]
struct Pattern {
    format: SimpleDateFormat,
    /// The text names the zone itself.
    has_zone: bool,
}

/// Reads dates by the first pattern that fits.
#[derive(Clone, Debug)]
pub(crate) struct Dates {
    /// A format remembers the zone that a text named last.
    patterns: Arc<Mutex<Vec<Pattern>>>,
    zone: TimeZone,
    is_utc: bool,
}

impl Dates {
    /// `IllegalArgumentException` for a pattern that Java refuses.
    pub(crate) fn new(patterns: &[String], zone: &str) -> Result<Self> {
        let compile = |pattern: &String| {
            let format = SimpleDateFormat::compile(pattern).map_err(|cause| {
                Error::config(format!("'{pattern}' is no pattern of SimpleDateFormat"))
                    .caused_by(cause)
            })?;
            Ok(Pattern { format, has_zone: has_zone(pattern) })
        };
        let patterns: Vec<Pattern> = patterns.iter().map(compile).collect::<Result<_>>()?;
        let zone = time_zone(zone);
        let is_utc = zone == TimeZone::UTC;
        Ok(Self { patterns: Arc::new(Mutex::new(patterns)), zone, is_utc })
    }

    /// The moment that a text names.
    pub(super) fn parse(&self, text: &str) -> Option<i64> {
        let patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        patterns.iter().find_map(|pattern| {
            let ms = pattern.format.parse(text)?;
            Some(if pattern.has_zone || self.is_utc { ms } else { self.of_wall(ms) })
        })
    }

    /// The value of a schema: of a date, the beginning of its day.
    pub(super) fn of_schema(&self, schema: &Schema, ms: i64) -> i64 {
        const DAY_MS: i64 = gantry_api::model::logical::DAY_MS;
        if Logical::of(schema) != Some(Logical::Date) {
            return ms;
        }
        if self.is_utc {
            return ms - ms.rem_euclid(DAY_MS);
        }
        let wall = self.wall_of(ms);
        self.of_wall(wall - wall.rem_euclid(DAY_MS))
    }

    /// The moment at which clocks of the zone show what clocks of UTC show at `ms`. An hour that comes
    /// twice is the second one, one that is left out is counted on, as Java's calendar does it.
    fn of_wall(&self, ms: i64) -> i64 {
        let Ok(wall) = Timestamp::from_millisecond(ms) else { return ms };
        let wall = TimeZone::UTC.to_datetime(wall);
        match self.zone.to_ambiguous_timestamp(wall).later() {
            Ok(moment) => moment.as_millisecond(),
            Err(_) => ms,
        }
    }

    fn wall_of(&self, ms: i64) -> i64 {
        let Ok(moment) = Timestamp::from_millisecond(ms) else { return ms };
        let seconds = self.zone.to_offset(moment).seconds();
        ms + i64::from(seconds) * 1000
    }
}

/// As `TimeZone.getTimeZone`: what is no zone is GMT.
fn time_zone(name: &str) -> TimeZone {
    if let Some(zone) = custom(name) {
        return zone;
    }
    match name {
        "UTC" | "GMT" | "Z" | "" => TimeZone::UTC,
        name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    }
}

/// Whether Java knows a zone of this name.
pub(crate) fn is_known(name: &str) -> bool {
    custom(name).is_some() || matches!(name, "UTC" | "GMT") || TimeZone::get(name).is_ok()
}

/// `GMT+3`, `GMT-03:30`
fn custom(name: &str) -> Option<TimeZone> {
    let rest = name.strip_prefix("GMT")?;
    let (sign, rest) = match rest.as_bytes().first()? {
        b'+' => (1, rest.get(1..)?),
        b'-' => (-1, rest.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        None if rest.len() <= 2 => (rest, "0"),
        None => rest.split_at_checked(rest.len() - 2)?,
        Some(_) => return None,
    };
    let hours = hours.parse::<i32>().ok().filter(|hours| (0..24).contains(hours))?;
    let minutes = minutes.parse::<i32>().ok().filter(|minutes| (0..60).contains(minutes))?;
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    Some(TimeZone::fixed(offset))
}

fn has_zone(pattern: &str) -> bool {
    let mut is_quoted = false;
    pattern.chars().any(|c| {
        is_quoted ^= c == '\'';
        !is_quoted && matches!(c, 'z' | 'Z' | 'X')
    })
}
