//! How times stand in answers: castorm's parsers, and patterns of Java's `DateTimeFormatter`.

use gantry_api::model::calendar::{MONTHS, WEEKDAYS};
use gantry_api::model::regex::JavaPattern;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

/// The pattern that is not looked at: any time of ISO 8601 with its offset is read.
pub(super) const ISO: &str = "yyyy-MM-dd'T'HH:mm:ss[.SSS]X";

/// How times are written.
#[derive(Clone, Debug)]
pub(super) enum Times {
    Epoch,
    /// Milliseconds since the epoch, else as that.
    Either(Box<Times>),
    Iso,
    Pattern(Pattern),
    /// What the first group finds, as that.
    Found(Box<JavaPattern>, Box<Times>),
}

impl Times {
    /// The moment; the error says what the text is not.
    pub(super) fn parse(&self, text: &str) -> Result<Timestamp, String> {
        match self {
            Self::Epoch => epoch(text).ok_or_else(|| "not milliseconds since the epoch".to_owned()),
            Self::Either(other) => match epoch(text) {
                Some(time) => Ok(time),
                None => other.parse(text).map_err(|what| {
                    format!("neither milliseconds since the epoch nor {}", positive(&what))
                }),
            },
            Self::Iso => text.parse().map_err(|_| "no time of ISO 8601 with its offset".to_owned()),
            Self::Pattern(pattern) => pattern.parse(text),
            Self::Found(pattern, other) => match pattern.group(text, 1) {
                Some(found) => other
                    .parse(&found)
                    .map_err(|what| format!("{what} where {} finds {found:?}", pattern.as_str())),
                None => Err(format!(
                    "nothing in which the first group of {} finds a time",
                    pattern.as_str()
                )),
            },
        }
    }
}

/// "no time" behind a "nor" is "a time".
fn positive(what: &str) -> String {
    what.strip_prefix("no ").map_or_else(|| what.to_owned(), |thing| format!("a {thing}"))
}

fn epoch(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}

/// A pattern of `DateTimeFormatter`, and the zone of texts that do not name theirs.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    parts: Vec<Part>,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// A number of so many digits, at least and at most.
    Number(Field, usize, usize),
    /// A name, of so many letters at most.
    Month(usize),
    Weekday(usize),
    Half,
    Offset,
    Maybe(Vec<Part>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    HalfHour,
    Minute,
    Second,
    Fraction,
}

/// So long are short names of months and weekdays.
const SHORT: usize = 3;
/// Sections in sections: no pattern that means something has more.
const DEPTH_MAX: usize = 8;

/// What a text says so far.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    hour: Option<i8>,
    half_hour: Option<i8>,
    is_afternoon: bool,
    minute: i8,
    second: i8,
    nanos: i32,
    offset: Option<Offset>,
}

impl Pattern {
    /// The error says which letter is not known.
    pub(super) fn parse_text(text: &str, zone: &str) -> Result<Self, String> {
        let mut rest = text.chars().peekable();
        let parts = parts(&mut rest, 0)?;
        Ok(Self { text: text.to_owned(), parts, zone: time_zone(zone)? })
    }

    fn parse(&self, text: &str) -> Result<Timestamp, String> {
        let unfit = || format!("no time of the pattern {}", self.text);
        let mut found = Found::default();
        let rest = read(&self.parts, text, &mut found).ok_or_else(unfit)?;
        if !rest.is_empty() {
            return Err(unfit());
        }
        found.moment(&self.zone).ok_or_else(unfit)
    }
}

/// The zone of a name or an offset; the error says what is wrong.
pub(super) fn time_zone(name: &str) -> Result<TimeZone, String> {
    if matches!(name, "UTC" | "GMT" | "UT" | "Z") {
        return Ok(TimeZone::UTC);
    }
    if let Some((offset, "")) = offset(name) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(name).map_err(|_| "it is no time zone (UTC, Europe/Madrid, +02:00)".to_owned())
}

fn parts(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    depth: usize,
) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    while let Some(letter) = rest.next() {
        match letter {
            '[' if depth == DEPTH_MAX => return Err("too many [ within each other".to_owned()),
            '[' => parts.push(Part::Maybe(self::parts(rest, depth + 1)?)),
            ']' if depth > 0 => return Ok(parts),
            ']' => return Err("a ] without its [".to_owned()),
            '\'' => parts.push(Part::Text(quoted(rest)?)),
            '{' | '}' | '#' => return Err(format!("{letter} is reserved")),
            letter if letter.is_ascii_alphabetic() => {
                let mut count = 1;
                while rest.next_if_eq(&letter).is_some() {
                    count += 1;
                }
                parts.push(letters(letter, count)?);
            }
            letter => parts.push(Part::Text(letter.to_string())),
        }
    }
    // Java closes sections at the end, too.
    Ok(parts)
}

/// What stands in quotes; two quotes are one, and without anything in them one, too.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('\'') if rest.next_if_eq(&'\'').is_some() => text.push('\''),
            Some('\'') if text.is_empty() => return Ok("'".to_owned()),
            Some('\'') => return Ok(text),
            Some(letter) => text.push(letter),
            None => return Err("a ' without another one".to_owned()),
        }
    }
}

fn letters(letter: char, count: usize) -> Result<Part, String> {
    let two = |field| Part::Number(field, count, 2);
    Ok(match (letter, count) {
        ('y' | 'u', 4) => Part::Number(Field::Year, 4, 4),
        ('y' | 'u', 1) => Part::Number(Field::Year, 1, 4),
        ('M' | 'L', 1 | 2) => two(Field::Month),
        ('M' | 'L', 3) => Part::Month(SHORT),
        ('M' | 'L', 4) => Part::Month(usize::MAX),
        ('d', 1 | 2) => two(Field::Day),
        ('H', 1 | 2) => two(Field::Hour),
        ('h', 1 | 2) => two(Field::HalfHour),
        ('m', 1 | 2) => two(Field::Minute),
        ('s', 1 | 2) => two(Field::Second),
        ('S', 1..=9) => Part::Number(Field::Fraction, count, count),
        ('E', 1..=3) => Part::Weekday(SHORT),
        ('E', 4) => Part::Weekday(usize::MAX),
        ('a', 1) => Part::Half,
        ('X' | 'x' | 'Z', 1..=5) => Part::Offset,
        _ => {
            return Err(format!(
                "{} is not supported: there are yyyy, M, MM, MMM, MMMM, d, dd, H, HH, h, hh, a, m, mm, s, ss, S to SSSSSSSSS, E, EEEE, \
                 X, x, Z, texts in quotes and [sections]",
                letter.to_string().repeat(count)
            ));
        }
    })
}

/// Reads a text by parts; the rest of it, or nothing if it does not fit.
fn read<'a>(parts: &[Part], mut text: &'a str, found: &mut Found) -> Option<&'a str> {
    for part in parts {
        text = match part {
            Part::Text(expected) => text.strip_prefix(expected.as_str())?,
            Part::Number(field, least, most) => {
                let digits = text.bytes().take(*most).take_while(u8::is_ascii_digit).count();
                if digits < *least {
                    return None;
                }
                let (number, rest) = text.split_at_checked(digits)?;
                found.set(*field, number)?;
                rest
            }
            Part::Month(most) => {
                let (index, rest) = name(&MONTHS, *most, text)?;
                found.month = i8::try_from(index + 1).ok();
                rest
            }
            Part::Weekday(most) => name(&WEEKDAYS, *most, text)?.1,
            Part::Half => {
                let (index, rest) = name(&["AM", "PM"], usize::MAX, text)?;
                found.is_afternoon = index == 1;
                rest
            }
            Part::Offset => {
                let (offset, rest) = offset(text)?;
                found.offset = Some(offset);
                rest
            }
            Part::Maybe(parts) => {
                let mut more = *found;
                match read(parts, text, &mut more) {
                    Some(rest) => {
                        *found = more;
                        rest
                    }
                    None => text,
                }
            }
        };
    }
    Some(text)
}

/// Which of these the text begins with, as far as so many letters of it.
fn name<'a>(names: &[&str], most: usize, text: &'a str) -> Option<(usize, &'a str)> {
    let rest = |name: &&str| text.strip_prefix(name.get(..most).unwrap_or(name));
    names.iter().enumerate().find_map(|(index, name)| Some((index, rest(name)?)))
}

/// `Z`, `+02`, `+0200`, `+02:00`, with seconds or without.
fn offset(text: &str) -> Option<(Offset, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((Offset::UTC, rest));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (mut rest, mut seconds) = (text.get(1..)?, 0);
    for (index, unit) in [3600, 60, 1].into_iter().enumerate() {
        let digits = if index == 0 { rest } else { rest.strip_prefix(':').unwrap_or(rest) };
        let two = digits.get(..2).filter(|two| two.bytes().all(|byte| byte.is_ascii_digit()));
        match two.and_then(|two| two.parse::<i32>().ok()) {
            Some(number) if index == 0 || number < 60 => seconds += number * unit,
            _ if index == 0 => return None,
            _ => break,
        }
        rest = digits.get(2..)?;
    }
    Some((Offset::from_seconds(sign * seconds).ok()?, rest))
}

impl Found {
    fn set(&mut self, field: Field, digits: &str) -> Option<()> {
        let small = || digits.parse::<i8>().ok();
        match field {
            Field::Year => self.year = Some(digits.parse().ok()?),
            Field::Month => self.month = Some(small()?),
            Field::Day => self.day = Some(small()?),
            Field::Hour => self.hour = Some(small()?),
            Field::HalfHour => {
                self.half_hour = Some(small().filter(|hour| (1..=12).contains(hour))?)
            }
            Field::Minute => self.minute = small()?,
            Field::Second => self.second = small()?,
            Field::Fraction => self.nanos = format!("{digits:0<9}").parse().ok()?,
        }
        Some(())
    }

    fn moment(&self, zone: &TimeZone) -> Option<Timestamp> {
        let afternoon = if self.is_afternoon { 12 } else { 0 };
        let hour = self.hour.or_else(|| Some(self.half_hour? % 12 + afternoon)).unwrap_or(0);
        let time = Time::new(hour, self.minute, self.second, self.nanos).ok()?;
        let date = Date::new(self.year?, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?;
        let wall = date.to_datetime(time);
        match self.offset {
            Some(offset) => offset.to_timestamp(wall).ok(),
            None => zone.to_timestamp(wall).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, zone: &str, text: &str) -> Option<String> {
        let times = Times::Pattern(Pattern::parse_text(pattern, zone).unwrap());
        times.parse(text).ok().map(|time| time.to_string())
    }

    #[test]
    fn patterns_are_javas() {
        for (pattern, zone, text, expected) in [
            (
                "yyyy-MM-dd'T'HH:mm:ss[.SSS]X",
                "UTC",
                "2020-02-29T01:02:03Z",
                Some("2020-02-29T01:02:03Z"),
            ),
            ("yyyy-MM-dd'T'HH:mm:ss[.SSS]X", "UTC", "2020-02-29T01:02:03.5Z", None),
            (
                "yyyy-MM-dd'T'HH:mm:ss[.SSS]X",
                "UTC",
                "2020-02-29T01:02:03.250+0130",
                Some("2020-02-28T23:32:03.25Z"),
            ),
            ("dd/MM/yyyy HH:mm", "Europe/Madrid", "01/07/2021 12:30", Some("2021-07-01T10:30:00Z")),
            ("yyyyMMddHHmmss", "+02:00", "20210701123005", Some("2021-07-01T10:30:05Z")),
            (
                "EEE, d MMM yyyy h:mm a",
                "UTC",
                "Thu, 1 Jul 2021 1:30 PM",
                Some("2021-07-01T13:30:00Z"),
            ),
            (
                "d MMMM yyyy h 'o''clock' a",
                "UTC",
                "1 July 2021 12 o'clock AM",
                Some("2021-07-01T00:00:00Z"),
            ),
            ("yyyy-MM-dd", "America/New_York", "2021-07-01", Some("2021-07-01T04:00:00Z")),
            (
                "yyyy-MM-dd HH:mm:ssXXX",
                "UTC",
                "2021-07-01 00:00:00-05:30",
                Some("2021-07-01T05:30:00Z"),
            ),
            ("yyyy-MM-dd[ HH[:mm]]", "UTC", "2021-07-01 05", Some("2021-07-01T05:00:00Z")),
            ("yyyy-MM-dd", "UTC", "2021-02-29", None),
            ("yyyy-MM-dd", "UTC", "2021-02-28 ", None),
        ] {
            assert_eq!(read(pattern, zone, text).as_deref(), expected, "{pattern} of {text}");
        }
        for wrong in ["yy-MM-dd", "yyyy-MM-dd G", "'open", "]", "{", "[[[[[[[[[yyyy"] {
            assert!(Pattern::parse_text(wrong, "UTC").is_err(), "{wrong}");
        }
        assert!(Pattern::parse_text("yyyy", "Mars/Olympus").is_err());
    }

    #[test]
    fn parsers_are_put_together() {
        let inner = Pattern::parse_text("yyyy-MM-dd HH:mm", "UTC").unwrap();
        let found = Times::Found(
            Box::new(JavaPattern::compile("at (.*) by").unwrap()),
            Box::new(Times::Pattern(inner)),
        );
        let both = Times::Either(Box::new(found));
        assert_eq!(both.parse("1577836800250").unwrap().as_millisecond(), 1_577_836_800_250);
        let time = both.parse("changed at 2020-01-01 10:00 by ann").unwrap();
        assert_eq!(time.to_string(), "2020-01-01T10:00:00Z");
        assert!(
            both.parse("never")
                .unwrap_err()
                .contains("nothing in which the first group of at (.*) by")
        );
        assert!(
            both.parse("at noon by")
                .unwrap_err()
                .contains("a time of the pattern yyyy-MM-dd HH:mm where")
        );
        let either = Times::Either(Box::new(Times::Iso));
        assert_eq!(
            either.parse("yesterday").unwrap_err(),
            "neither milliseconds since the epoch nor a time of ISO 8601 with its offset"
        );
    }
}
