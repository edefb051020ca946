//! Reading moments, as leniently as Java does: fields overflow, and what follows is ignored.

use gantry_model::calendar::{MONTHS, WEEKDAYS};
use gantry_model::date_number;
use gantry_model::text::digit;

use super::format::SHORT;
use super::resolve::{Field, Resolver};
use super::zones;
use super::{MINUTE_MS, Part, SimpleDateFormat, ZoneInForce};

const GMT: &str = "GMT";
const ERAS: [(&str, i32); 4] = [("Before Christ", 0), ("Anno Domini", 1), ("BC", 0), ("AD", 1)];

impl SimpleDateFormat {
    /// The moment that a text names, in milliseconds since the epoch; `None` where the text does
    /// not match. Fields that the pattern lacks are those of the epoch.
    pub fn parse(&self, text: &str) -> Option<i64> {
        let mut reader = Reader {
            rest: text,
            resolver: Resolver::default(),
            two_digits: false,
            zone: &self.zone,
        };
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(literal) => reader.rest = reader.rest.strip_prefix(&**literal)?,
                Part::Field(letter, count) => {
                    // Numbers without anything between them have exactly their width.
                    let next = self.parts.get(index + 1);
                    let width = next.is_some_and(is_number).then_some(*count);
                    reader.field(*letter, *count, width, self.century_start_year())?;
                }
            }
        }
        let ms = reader.moment_ms();
        if reader.two_digits && ms < self.century_start_ms {
            // The first year of the century is in it only from today's date on.
            reader.resolver = reader.resolver.add_years(100);
            return Some(reader.moment_ms());
        }
        Some(ms)
    }
}

fn letter_is_month(letter: char) -> bool {
    matches!(letter, 'M' | 'L')
}

fn letter_is_number(letter: char, count: usize) -> bool {
    match letter {
        'M' | 'L' => count < SHORT,
        _ => !matches!(letter, 'G' | 'E' | 'a' | 'z' | 'Z' | 'X'),
    }
}

fn is_number(part: &Part) -> bool {
    match part {
        Part::Literal(_) => false,
        Part::Field(letter, count) => letter_is_number(*letter, *count),
    }
}

struct Reader<'a> {
    rest: &'a str,
    resolver: Resolver,
    /// Whether the year was given by two digits that begin the century.
    two_digits: bool,
    /// The zone in force, which a name changes for good.
    zone: &'a ZoneInForce,
}

impl Reader<'_> {
    fn field(
        &mut self,
        letter: char,
        count: usize,
        width: Option<usize>,
        century_start: i32,
    ) -> Option<()> {
        let whole = self.rest;
        self.rest = whole.trim_start_matches([' ', '\t']);
        let blanks = whole.len() - self.rest.len();
        let by_name =
            matches!(letter, 'E' | 'G' | 'a') || letter_is_month(letter) && count >= SHORT;
        // Names are looked for before the blanks, where they are not.
        if self.rest.is_empty() || by_name && blanks > 0 {
            return None;
        }
        // The width counts from before the blanks, and for numbers alone.
        let width = match width {
            Some(width) if letter_is_number(letter, count) => {
                Some(width.checked_sub(blanks).filter(|width| *width > 0)?)
            }
            _ => None,
        };
        match letter {
            'y' | 'Y' => self.year(letter, count, width, century_start)?,
            _ if letter_is_month(letter) && count >= SHORT => {
                let month = self.name(&MONTHS)?;
                self.resolver.set(Field::Month, month);
            }
            'E' => {
                let weekday = self.name(&WEEKDAYS)?;
                self.resolver.set(Field::DayOfWeek, weekday + 1);
            }
            'G' => {
                let era = self.one_of(&ERAS)?;
                self.resolver.set(Field::Era, era);
            }
            'a' => {
                let half = self.one_of(&[("AM", 0), ("PM", 1)])?;
                self.resolver.set(Field::AmPm, half);
            }
            'z' | 'Z' => self.zone(blanks > 0)?,
            'X' => self.iso_zone(count)?,
            _ => {
                let value = self.number(width)?;
                let (field, value) = numeric(letter, value);
                self.resolver.set(field, value);
            }
        }
        Some(())
    }

    fn year(
        &mut self,
        letter: char,
        count: usize,
        width: Option<usize>,
        century_start: i32,
    ) -> Option<()> {
        let before = self.rest;
        let mut year = self.number(width)?;
        let taken = before.get(..before.len() - self.rest.len()).unwrap_or_default();
        let digits = taken.chars().filter(|c| digit(*c).is_some()).count();
        if count <= 2 && digits == 2 && taken.chars().count() == 2 {
            let start = century_start.rem_euclid(100);
            self.two_digits = year == start;
            year += century_start - start + if year < start { 100 } else { 0 };
        }
        self.resolver.set(if letter == 'y' { Field::Year } else { Field::WeekYear }, year);
        Some(())
    }

    /// A number of at most `width` characters.
    fn number(&mut self, width: Option<usize>) -> Option<i32> {
        let limit = match width {
            None => self.rest.len(),
            Some(width) => {
                // All of the width must be there, even if fewer of it are digits.
                self.rest.char_indices().map(|(at, c)| at + c.len_utf8()).nth(width - 1)?
            }
        };
        let (value, taken) = date_number::read(self.rest.get(..limit)?)?;
        self.rest = self.rest.get(taken..)?;
        Some(value)
    }

    /// The index of the longest name, full or short, in any case of letters.
    fn name(&mut self, names: &[&str]) -> Option<i32> {
        let full = names.iter().position(|name| self.starts_with(name));
        let short = || {
            let short = |name: &&str| name.get(..SHORT).is_some_and(|s| self.starts_with(s));
            names.iter().position(short)
        };
        let (index, length) = match full {
            Some(index) => (index, names.get(index)?.len()),
            None => (short()?, SHORT),
        };
        self.rest = self.rest.get(length..)?;
        i32::try_from(index).ok()
    }

    fn one_of(&mut self, names: &[(&str, i32)]) -> Option<i32> {
        let (name, value) = names.iter().find(|(name, _)| self.starts_with(name))?;
        self.rest = self.rest.get(name.len()..)?;
        Some(*value)
    }

    fn starts_with(&self, name: &str) -> bool {
        self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    }

    /// An offset `+hhmm`, `GMT` alone or as `GMT+h:mm`, or the name of a zone. Behind blanks GMT
    /// is a name like any other.
    fn zone(&mut self, behind_blanks: bool) -> Option<()> {
        if self.rest.starts_with(['+', '-']) {
            return self.offset(false, false, true);
        }
        if !behind_blanks && self.starts_with(GMT) {
            self.rest = self.rest.get(GMT.len()..)?;
            if self.rest.starts_with(['+', '-']) {
                return self.offset(true, false, true);
            }
            self.set_zone(0);
            return Some(());
        }
        let mut current = self.zone.borrow_mut();
        let named = zones::find(self.rest, current.as_ref())?;
        self.rest = self.rest.get(named.length..)?;
        *current = (!named.zone.is_utc()).then_some(named.zone);
        if let Some(saving_ms) = named.saving_ms {
            self.resolver.clear(Field::ZoneMs);
            self.resolver.set(Field::DaylightMs, saving_ms);
        }
        Some(())
    }

    fn set_zone(&mut self, ms: i32) {
        self.resolver.set(Field::ZoneMs, ms);
        self.resolver.set(Field::DaylightMs, 0);
    }

    /// Milliseconds since the epoch: what the text says of its zone counts, and for the rest the
    /// zone in force.
    fn moment_ms(&self) -> i64 {
        let wall_ms = self.resolver.wall_ms();
        let (zone_ms, saving_ms) =
            self.zone.borrow().as_ref().map_or((0, 0), |zone| zone.at_wall(wall_ms));
        let zone_ms = self.resolver.get(Field::ZoneMs).unwrap_or(zone_ms);
        let saving_ms = self.resolver.get(Field::DaylightMs).unwrap_or(saving_ms);
        wall_ms.wrapping_sub(i64::from(zone_ms)).wrapping_sub(i64::from(saving_ms))
    }

    /// `Z`, or an offset of the form that the count of letters asks for.
    fn iso_zone(&mut self, count: usize) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            self.set_zone(0);
            return Some(());
        }
        self.offset(count == 3, true, count != 1)
    }

    /// Sign, hours of one or two digits, and minutes.
    fn offset(&mut self, colon: bool, two_digits: bool, minutes: bool) -> Option<()> {
        let sign = match self.rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut rest = self.rest.get(1..)?;
        let digit = |rest: &mut &str| {
            let value = rest.chars().next()?.to_digit(10)?;
            *rest = rest.get(1..)?;
            i32::try_from(value).ok()
        };
        let mut hours = digit(&mut rest)?;
        match digit(&mut rest) {
            Some(second) => hours = hours * 10 + second,
            None if two_digits => return None,
            None => {}
        }
        let mut of_hour = 0;
        if minutes {
            if colon {
                rest = rest.strip_prefix(':')?;
            }
            of_hour = digit(&mut rest)? * 10 + digit(&mut rest)?;
        }
        if hours > 23 || of_hour > 59 {
            return None;
        }
        self.rest = rest;
        let minutes = hours * 60 + of_hour;
        self.set_zone(sign * minutes * MINUTE_MS as i32);
        Some(())
    }
}

/// What a letter's number means to the calendar.
fn numeric(letter: char, value: i32) -> (Field, i32) {
    match letter {
        'M' | 'L' => (Field::Month, value.wrapping_sub(1)),
        'd' => (Field::DayOfMonth, value),
        'D' => (Field::DayOfYear, value),
        'F' => (Field::DayOfWeekInMonth, value),
        'w' => (Field::WeekOfYear, value),
        'W' => (Field::WeekOfMonth, value),
        // Monday is 1 and Sunday 7; any other number is taken as the calendar's, from Sunday.
        'u' => match value {
            1..=6 => (Field::DayOfWeek, value + 1),
            7 => (Field::DayOfWeek, 1),
            _ => (Field::DayOfWeek, value),
        },
        'k' => (Field::HourOfDay, if value == 24 { 0 } else { value }),
        'H' => (Field::HourOfDay, value),
        'h' => (Field::Hour, if value == 12 { 0 } else { value }),
        'K' => (Field::Hour, value),
        'm' => (Field::Minute, value),
        's' => (Field::Second, value),
        // Only S is left: all others are read elsewhere.
        _ => (Field::Millisecond, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Option<i64> {
        SimpleDateFormat::compile(pattern).expect("valid").parse(text)
    }

    const DAY: i64 = 1_699_920_000_000; // 2023-11-14

    #[test]
    fn dates() {
        for (pattern, text) in [
            ("yyyy-MM-dd", "2023-11-14"),
            ("yyyy-MM-dd", " 2023- 11-14 and more"),
            ("yyyyMMdd", "20231114"),
            ("dd.MM.yy", "14.11.23"),
            ("MMM d yyyy", "nov 14 2023"),
            ("d MMMM yyyy", "14 NOVEMBER 2023"),
            ("yyyy D", "2023 318"),
            ("yyyy-MM-dd", "2023-10-45"),
            ("yyyy-MM-dd", "2022-23-14"),
            ("YYYY ww E", "2023 46 Tue"),
            ("YYYY ww u", "2023 46 2"),
            ("yyyy MM W E", "2023 11 3 Tue"),
            ("yyyy MM F E", "2023 11 2 Tuesday"),
            ("E d MMM yyyy", "Mon 14 Nov 2023"),
        ] {
            assert_eq!(read(pattern, text), Some(DAY), "{pattern}: {text}");
        }
    }

    #[test]
    fn times() {
        for (pattern, text, ms) in [
            ("HH:mm:ss.SSS", "22:13:20.123", 80_000_123),
            ("HH:mm:ss.SSS", "22:13:20.1", 80_000_001),
            ("hh:mm a", "12:15 AM", 900_000),
            ("hh:mm a", "10:15 pm", 80_100_000),
            ("KK:mm a", "10:15 PM", 80_100_000),
            ("kk:mm", "24:15", 900_000),
            ("HH:mm", "25:61", 93_660_000),
            ("HHmm", "0115", 4_500_000),
            ("HH:mm Z", "01:00 +0100", 0),
            ("HH:mm z", "01:00 GMT+1:00", 0),
            ("HH:mm z", "01:00 UTC", 3_600_000),
            ("HH:mmX", "01:00+01", 0),
            ("HH:mmXX", "01:00+0100", 0),
            ("HH:mmXXX", "01:00-01:00", 7_200_000),
            ("HH:mmXXX", "01:00Z", 3_600_000),
        ] {
            assert_eq!(read(pattern, text), Some(ms), "{pattern}: {text}");
        }
    }

    #[test]
    fn what_does_not_match() {
        for (pattern, text) in [
            ("yyyy-MM-dd", "bad"),
            ("yyyy-MM-dd", ""),
            ("yyyy-MM-dd", "2023-11"),
            ("yyyyMMdd", "2023"),
            ("MMM", "Nob"),
            ("HH:mmXXX", "01:00+0100"),
            ("HH:mmXXX", "01:00"),
            ("HH:mm Z", "01:00 +2500"),
            ("HH:mm z", "01:00 Nowhere"),
            ("HH", "+1"),
            ("MMM d", " Nov 14"),
            ("wHH", " 107"),
        ] {
            assert_eq!(read(pattern, text), None, "{pattern}: {text}");
        }
    }

    #[test]
    fn numbers_may_have_exponents() {
        assert_eq!(read("yyyy-MM-dd", "2E3-1E0-10E-1"), read("yyyy-MM-dd", "2000-01-01"));
        assert_eq!(read("yyyyMMdd", "1E3E0505"), None, "a width ends it");
    }

    #[test]
    fn two_digits_are_within_eighty_years_back() {
        let mut format = SimpleDateFormat::compile("yy-MM-dd").expect("valid");
        format.century_start_ms = read("yyyy-MM-dd", "1946-06-15").expect("valid");
        for (text, date) in [
            ("45-01-01", "2045-01-01"),
            ("46-06-14", "2046-06-14"),
            ("46-06-15", "1946-06-15"),
            ("99-01-01", "1999-01-01"),
            ("1-01-01", "0001-01-01"),
        ] {
            assert_eq!(format.parse(text), read("yyyy-MM-dd", date), "{text}");
        }
    }

    #[test]
    fn formatted_moments_are_read_back() {
        let format = SimpleDateFormat::compile("G yyyy-MM-dd'T'HH:mm:ss.SSSXXX").expect("valid");
        for ms in [0, -1, 1_700_000_000_123, -62_135_596_799_995, -12_219_292_800_001] {
            assert_eq!(format.parse(&format.format(ms)), Some(ms));
        }
    }
}
