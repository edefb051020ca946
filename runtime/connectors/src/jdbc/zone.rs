//! Time zones: what the wall clocks of a database mean.

use gantry_api::{Error, Result};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::db::Wall;

/// Java's short names of zones that are no names of the zone database, or mean something else there.
const SHORT_IDS: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// A zone.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    Utc,
    /// Any other.
    Other(TimeZone),
}

impl Zone {
    /// By a name of the zone database, one of Java's short names, or an offset as `+02:00`.
    pub(super) fn parse(name: &str) -> Result<Self> {
        let invalid = || {
            Error::config(format!(
                "Invalid value {name} for configuration db.timezone: Invalid time zone. See the list \
                 of valid time zones at https://docs.oracle.com/javase/8/docs/api/java/time/ZoneId.html#shortIds"
            ))
        };
        let full =
            SHORT_IDS.iter().find(|(short, _)| *short == name).map_or(name, |(_, full)| full);
        if ["UTC", "Z", "GMT", "UT", "Etc/UTC"].contains(&full) {
            return Ok(Self::Utc);
        }
        let offset = ["GMT", "UTC", "UT"].iter().find_map(|prefix| full.strip_prefix(prefix));
        let offset = offset.unwrap_or(full);
        if offset.starts_with(['+', '-']) {
            let seconds = offset_seconds(offset).ok_or_else(invalid)?;
            let offset = jiff::tz::Offset::from_seconds(seconds).map_err(|_| invalid())?;
            return Ok(Self::Other(TimeZone::fixed(offset)));
        }
        TimeZone::get(full).map(Self::Other).map_err(|_| invalid())
    }

    /// The moment at which its clocks show this, in UTC. What they show twice is the later one; what
    /// they never show is as much later as they were put forward.
    pub(super) fn instant(&self, wall: Wall) -> Wall {
        let Self::Other(zone) = self else { return wall };
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let shown = epoch.checked_add(SignedDuration::from_secs(wall.seconds));
        let moment = shown.and_then(|shown| zone.to_ambiguous_timestamp(shown).later());
        moment.map_or(wall, |moment| Wall { seconds: moment.as_second(), nanos: wall.nanos })
    }

    /// What its clocks show at a moment, and by how many seconds they are ahead of UTC.
    pub(super) fn wall(&self, instant: Wall) -> (Wall, i32) {
        let Self::Other(zone) = self else { return (instant, 0) };
        let Ok(moment) = Timestamp::from_second(instant.seconds) else { return (instant, 0) };
        let offset = zone.to_offset(moment).seconds();
        (Wall { seconds: instant.seconds + i64::from(offset), nanos: instant.nanos }, offset)
    }
}

/// `+02`, `+02:30` or `+0230` in seconds.
fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, digits) = text.split_at_checked(1)?;
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..)?.parse::<i32>().ok()?),
        _ => return None,
    };
    let seconds = hours * 3600 + minutes * 60;
    (hours <= 18 && minutes < 60).then_some(if sign == "-" { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_forward_and_back() {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let at = |seconds| Wall { seconds, nanos: 7 };
        // 2024-01-01 12:00 there is 11:00 of UTC.
        assert_eq!(zone.instant(at(1_704_110_400)), at(1_704_106_800));
        assert_eq!(zone.wall(at(1_704_106_800)), (at(1_704_110_400), 3600));
        // 2024-03-31 02:30 never was: 03:30.
        assert_eq!(zone.wall(zone.instant(at(1_711_852_200))).0, at(1_711_855_800));
        // 2024-10-27 02:30 was twice: the second time is winter's.
        assert_eq!(zone.instant(at(1_729_996_200)), at(1_729_992_600));
    }

    #[test]
    fn names_are_javas() {
        assert!(matches!(Zone::parse("UTC").unwrap(), Zone::Utc));
        let noon = Wall { seconds: 43_200, nanos: 0 };
        let offset = |name: &str| Zone::parse(name).unwrap().wall(noon).1;
        assert_eq!(offset("JST"), 9 * 3600);
        assert_eq!(offset("+02:30"), 9000);
        assert_eq!(offset("GMT-3"), -3 * 3600);
        assert_eq!(offset("EST"), -5 * 3600);
        let error = Zone::parse("Mars/Base").unwrap_err();
        assert!(
            error.message().contains("Mars/Base") && error.message().contains("Invalid time zone")
        );
    }
}
