//! Writing moments.

use std::fmt::Write;
use std::sync::Arc;

use gantry_model::calendar::{Fields, MONTHS, WEEKDAYS};

use super::week::Week;
use super::zones::Zone;
use super::{DAY_MS, MINUTE_MS, Part, SimpleDateFormat};

/// Length of short names of months and weekdays.
pub(super) const SHORT: usize = 3;

/// What a moment shows, to be written field by field.
struct Moment {
    at: Fields,
    week: Week,
    /// None is UTC.
    zone: Option<Arc<Zone>>,
    /// From UTC, daylight saving included.
    offset_minutes: i64,
    daylight: bool,
}

impl SimpleDateFormat {
    /// The text of a moment in milliseconds since the epoch, in the zone in force.
    pub(crate) fn format(&self, ms: i64) -> String {
        let zone = self.zone.borrow().clone();
        let (offset, saving) = zone.as_ref().map_or((0, 0), |zone| zone.at(ms));
        let offset_ms = i64::from(offset) + i64::from(saving);
        // Java adds the offset behind the days, so that it goes past the end of time.
        let clock = ms.rem_euclid(DAY_MS) + offset_ms;
        let day = ms.div_euclid(DAY_MS) + clock.div_euclid(DAY_MS);
        let at = Fields::of_day(day, clock.rem_euclid(DAY_MS));
        let moment = Moment {
            week: Week::of(day, &at),
            at,
            zone,
            offset_minutes: offset_ms / MINUTE_MS,
            daylight: saving != 0,
        };
        let mut text = String::with_capacity(32);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Field(letter, count) => moment.write(&mut text, *letter, *count),
            }
        }
        text
    }
}

impl Moment {
    fn write(&self, text: &mut String, letter: char, count: usize) {
        let Self { at, week, .. } = self;
        let twelve = at.hour % 12;
        match letter {
            'G' => text.push_str(if at.year > 0 { "AD" } else { "BC" }),
            'y' => year(text, at.year_of_era(), count),
            'Y' => year(text, week.week_year, count),
            'M' | 'L' if count >= SHORT => name(text, &MONTHS, at.month - 1, count),
            'M' | 'L' => number(text, at.month, count),
            'E' => name(text, &WEEKDAYS, week.weekday - 1, count),
            'u' => number(text, if week.weekday == 1 { 7 } else { week.weekday - 1 }, count),
            'd' => number(text, at.day, count),
            'D' => number(text, week.day_of_year, count),
            'F' => number(text, week.weekday_in_month, count),
            'w' => number(text, week.week_of_year, count),
            'W' => number(text, week.week_of_month, count),
            'a' => text.push_str(if at.hour < 12 { "AM" } else { "PM" }),
            'H' => number(text, at.hour, count),
            'k' => number(text, if at.hour == 0 { 24 } else { at.hour }, count),
            'K' => number(text, twelve, count),
            'h' => number(text, if twelve == 0 { 12 } else { twelve }, count),
            'm' => number(text, at.minute, count),
            's' => number(text, at.second, count),
            'S' => number(text, at.millisecond, count),
            'z' => text.push_str(self.zone_name(count > SHORT)),
            'Z' => self.offset(text, "", true),
            // Only X is left: no other letter compiles.
            _ if self.offset_minutes == 0 => text.push('Z'),
            _ => self.offset(text, if count == SHORT { ":" } else { "" }, count > 1),
        }
    }

    fn zone_name(&self, long: bool) -> &'static str {
        match &self.zone {
            Some(zone) => zone.name(self.daylight, long),
            None if long => "Coordinated Universal Time",
            None => "UTC",
        }
    }

    fn offset(&self, text: &mut String, between: &str, minutes: bool) {
        text.push(if self.offset_minutes < 0 { '-' } else { '+' });
        let size = self.offset_minutes.unsigned_abs();
        // Writing to a String does not fail.
        let _ = write!(text, "{:02}", size / 60);
        if minutes {
            let _ = write!(text, "{between}{:02}", size % 60);
        }
    }
}

/// Two letters show the last two digits, any other count the whole year.
fn year(text: &mut String, year: i64, count: usize) {
    if count == 2 {
        // The sign stays even where both digits are zeros.
        if year < 0 {
            text.push('-');
        }
        number(text, year.abs() % 100, 2);
    } else {
        number(text, year, count);
    }
}

/// The sign does not count for the width.
fn number(text: &mut String, value: i64, width: usize) {
    if value < 0 {
        text.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs());
    // A pattern may ask for more than a format string can: its widths have 16 bits.
    for _ in digits.len()..width {
        text.push('0');
    }
    text.push_str(digits);
}

/// The full name for four letters or more, else the short one.
fn name(text: &mut String, names: &[&str], index: i64, count: usize) {
    let full = usize::try_from(index).ok().and_then(|index| names.get(index)).unwrap_or(&"");
    let short = full.get(..SHORT).unwrap_or(full);
    text.push_str(if count > SHORT { full } else { short });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pattern: &str, ms: i64) -> String {
        SimpleDateFormat::compile(pattern).expect("valid").format(ms)
    }

    const AT: i64 = 1_700_000_000_123;

    #[test]
    fn fields() {
        for (pattern, expected) in [
            ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2023-11-14T22:13:20.123"),
            ("G y yy yyy yyyyy", "AD 2023 23 2023 02023"),
            ("M MM MMM MMMM L LLL", "11 11 Nov November 11 Nov"),
            ("E EEE EEEE u uu", "Tue Tue Tuesday 2 02"),
            ("d D DDDD F w ww W", "14 318 0318 2 46 46 3"),
            ("a H k K h hh", "PM 22 22 10 10 10"),
            ("S SS SSSS", "123 123 0123"),
            ("z zzzz Z X XX XXX", "UTC Coordinated Universal Time +0000 Z Z Z"),
        ] {
            assert_eq!(text(pattern, AT), expected, "{pattern}");
        }
    }

    #[test]
    fn a_field_may_be_as_wide_as_it_likes() {
        assert_eq!(text(&"y".repeat(70_000), AT), format!("{}2023", "0".repeat(69_996)));
    }

    #[test]
    fn midnight_and_noon() {
        assert_eq!(text("hh h KK k a", 0), "12 12 00 24 AM");
        assert_eq!(text("hh h KK k a", DAY_MS / 2), "12 12 00 12 PM");
    }

    #[test]
    fn weeks_at_the_turn_of_the_year() {
        let day = |text: &str| -> i64 {
            let mut parts = text.split('-').map(|part| part.parse().expect("a number"));
            let mut next = || parts.next().expect("year, month and day");
            Fields { year: next(), month: next(), day: next(), ..Fields::EPOCH }.to_ms()
        };
        // Sunday 31 December 2023 opens the week of 1 January 2024.
        assert_eq!(text("YYYY ww W", day("2023-12-31")), "2024 01 6");
        assert_eq!(text("YYYY ww W", day("2023-12-30")), "2023 52 5");
        assert_eq!(text("YYYY ww W", day("2023-01-01")), "2023 01 1");
        assert_eq!(text("YYYY ww W", day("2024-12-31")), "2025 01 5");
        assert_eq!(text("YYYY ww", day("2022-01-01")), "2022 01");
    }

    #[test]
    fn years_before_the_first() {
        assert_eq!(text("yyyy G", -62_135_769_600_001), "0001 BC");
        assert_eq!(text("YYYY YY", -69_083_128_416_884), "-0220 -20");
        assert_eq!(text("YYYY YY", -81_088_277_045_707), "-0600 -00");
    }
}
