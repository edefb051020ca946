//! Time zones that a text can name, with Java's names for en_US and the offsets that were and
//! are in force there.

use std::sync::{Arc, LazyLock};

use gantry_model::calendar::{Fields, System};

use super::{DAY_MS, SECOND_MS};

/// What `scripts/java/Zones.java` wrote; it says there what stands in a line.
const DATA: &str = include_str!("zones.txt");
/// Changes are known from here on: before, Java takes the offset in force now.
const BEGIN_S: i64 = -2_208_988_800;
/// The years whose changes stand for those of all later years.
const SAMPLE_YEARS: std::ops::Range<i64> = 2038..2066;

/// Offset of standard time and what daylight saving adds to it, in milliseconds.
pub(super) type Offsets = (i32, i32);

/// Names and current offsets of a zone.
#[derive(Debug)]
struct Row {
    /// Standard time, long and short, then daylight time.
    names: [&'static str; 4],
    offset_ms: i32,
    saving_ms: i32,
    states: &'static str,
    changes: &'static str,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| DATA.lines().filter_map(row).collect());

fn row(line: &'static str) -> Option<Row> {
    let mut fields = line.split('|');
    fields.next().filter(|id| !id.starts_with('#'))?;
    let mut next = || fields.next();
    Some(Row {
        names: [next()?, next()?, next()?, next()?],
        offset_ms: millis(next()?)?,
        saving_ms: millis(next()?)?,
        states: next()?,
        changes: next()?,
    })
}

fn millis(seconds: &str) -> Option<i32> {
    seconds.parse::<i32>().ok()?.checked_mul(SECOND_MS as i32)
}

/// A zone with its history.
#[derive(Debug)]
pub(super) struct Zone {
    row: &'static Row,
    /// When other offsets came into force, in milliseconds since the epoch, in order.
    changes: Vec<(i64, Offsets)>,
    /// What was in force before the first change.
    first: Offsets,
}

/// A name that was found in a text.
pub(super) struct Named {
    /// Its zone.
    pub(super) zone: Arc<Zone>,
    /// How many bytes it takes.
    pub(super) length: usize,
    /// What the name says of daylight saving; `None` leaves it to the calendar.
    pub(super) saving_ms: Option<i32>,
}

/// The zone whose name stands at the beginning of a text: names of the zone in force come
/// first, then those of UTC, then all others.
pub(super) fn find(text: &str, current: Option<&Arc<Zone>>) -> Option<Named> {
    let in_force = current.map(|zone| zone.row);
    let utc = ROWS.iter().find(|row| row.names.contains(&"UTC"));
    let (row, index) = in_force
        .into_iter()
        .chain(utc)
        .chain(ROWS.iter())
        .find_map(|row| Some((row, row.names.iter().position(|name| begins(text, name))?)))?;
    let name = row.names.get(index)?;
    let daylight = index >= 2;
    // One name for both: the calendar knows which. The same where no saving is in force now.
    let same = row.names.get(index + 2).is_some_and(|other| other.eq_ignore_ascii_case(name));
    let saving_ms = match daylight {
        true if row.saving_ms == 0 => None,
        true => Some(row.saving_ms),
        false if same => None,
        false => Some(0),
    };
    let zone = match current {
        Some(zone) if std::ptr::eq(zone.row, row) => Arc::clone(zone),
        _ => Arc::new(Zone::of(row)?),
    };
    Some(Named { zone, length: name.len(), saving_ms })
}

fn begins(text: &str, name: &str) -> bool {
    !name.is_empty() && text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

impl Zone {
    fn of(row: &'static Row) -> Option<Self> {
        let state = |text: &str| {
            let (offset, saving) = text.split_once('/')?;
            Some((millis(offset)?, millis(saving)?))
        };
        let states: Vec<Offsets> = row.states.split(',').map(state).collect::<Option<_>>()?;
        let mut at_s = BEGIN_S;
        let mut changes = Vec::new();
        for change in row.changes.split_inclusive(|c: char| c.is_ascii_uppercase()) {
            let (delta, letter) = change.split_at_checked(change.len() - 1)?;
            at_s += i64::from_str_radix(delta, 36).ok()?;
            let index = usize::from(letter.bytes().next()? - b'A');
            changes.push((at_s * SECOND_MS, *states.get(index)?));
        }
        Some(Self { row, changes, first: *states.first()? })
    }

    /// Whether it is UTC itself: nothing to be remembered then.
    pub(super) fn is_utc(&self) -> bool {
        self.row.names.contains(&"UTC")
    }

    /// The offsets at a moment.
    pub(super) fn at(&self, ms: i64) -> Offsets {
        self.in_force(ms, |_| 0)
    }

    /// The offsets when clocks show `wall_ms`. Of an hour that comes twice it is the second, of
    /// one that is left out what was in force before.
    pub(super) fn at_wall(&self, wall_ms: i64) -> Offsets {
        self.in_force(wall_ms, |(offset, saving)| i64::from(offset) + i64::from(saving))
    }

    fn in_force(&self, ms: i64, shift: impl Fn(Offsets) -> i64) -> Offsets {
        let (ms, shifted) = within_sample(ms);
        if ms < BEGIN_S * SECOND_MS + shift(self.first) && !shifted {
            return (self.row.offset_ms, 0);
        }
        let later = self.changes.partition_point(|(at, offsets)| at + shift(*offsets) <= ms);
        match later.checked_sub(1).and_then(|index| self.changes.get(index)) {
            Some((_, offsets)) => *offsets,
            None => self.first,
        }
    }

    /// The name of standard or daylight time.
    pub(super) fn name(&self, daylight: bool, long: bool) -> &'static str {
        let index = if daylight { 2 } else { 0 } + usize::from(!long);
        self.row.names.get(index).copied().unwrap_or_default()
    }
}

/// A moment after the years known in detail, moved to the same day of a year of the same kind.
fn within_sample(ms: i64) -> (i64, bool) {
    let year = Fields::of(ms).year;
    if year < SAMPLE_YEARS.end {
        return (ms, false);
    }
    let first = |year: i64| System::Gregorian.day(year, 1, 1);
    let kind = |year: i64| (first(year).rem_euclid(7), first(year + 1) - first(year));
    let like = SAMPLE_YEARS.into_iter().find(|sample| kind(*sample) == kind(year)).unwrap_or(year);
    (ms - (first(year) - first(like)) * DAY_MS, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i32 = 3_600_000;

    fn zone(name: &str) -> Arc<Zone> {
        find(name, None).expect("known").zone
    }

    #[test]
    fn every_line_is_a_zone() {
        let lines = DATA.lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines > 150);
        assert_eq!(ROWS.len(), lines);
        assert!(ROWS.iter().all(|row| Zone::of(row).is_some()));
    }

    #[test]
    fn names_are_found_as_java_finds_them() {
        for (text, length, saving_ms, offset) in [
            ("PST8", 3, Some(0), -8),
            ("pacific daylight time", 21, Some(HOUR_MS), -8),
            ("CEST", 4, Some(HOUR_MS), 1),
            ("IST", 3, Some(0), 2),
            ("JST", 3, Some(0), 9),
            ("JDT", 3, None, 9),
            ("GMT+1", 3, None, 0),
        ] {
            let found = find(text, None).expect(text);
            let row = found.zone.row.offset_ms;
            assert_eq!((found.length, found.saving_ms, row), (length, saving_ms, offset * HOUR_MS));
        }
        assert!(find("Nowhere", None).is_none());
        // Names of the zone in force come first: this IST is India's.
        let india = zone("India Standard Time");
        assert!(std::ptr::eq(find("IST", Some(&india)).expect("known").zone.row, india.row));
    }

    #[test]
    fn offsets_follow_the_rules_of_their_time() {
        let pacific = zone("PST");
        let winter = (-8 * HOUR_MS, 0);
        let summer = (-8 * HOUR_MS, HOUR_MS);
        for (ms, offsets) in [
            (1_700_000_000_000, winter),
            (1_690_000_000_000, summer),
            (-2_208_988_800_001, winter),
            // July and January of 2101.
            (4_150_000_000_000, summer),
            (4_134_000_000_000, winter),
        ] {
            assert_eq!(pacific.at(ms), offsets, "{ms}");
        }
        // 10 March 2024: 02:30 is left out; 3 November: 01:30 comes twice.
        assert_eq!(pacific.at_wall(1_710_037_800_000), winter);
        assert_eq!(pacific.at_wall(1_710_041_400_000), summer);
        assert_eq!(pacific.at_wall(1_730_597_400_000), winter);
        assert_eq!(pacific.at_wall(1_730_593_800_000), summer);
    }
}
