//! Patterns of dates as Joda's `DateTimeFormat` reads them.

use std::fmt::Write as _;

use gantry_api::model::calendar::MONTHS;
use jiff::ZonedDateTime;
use jiff::civil::Weekday;

/// A pattern, read once.
#[derive(Clone, Debug)]
pub(in crate::objects) struct Pattern(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// A letter and how often it stands.
    Field(char, usize),
}

const LETTERS: &str = "GCYyxweEDMdaKhHkmsSzZ";
/// Those whose texts are those of a language.
const WORDS: &str = "GaE";

impl Pattern {
    /// Reads a pattern. The error says what is wrong with it.
    pub(in crate::objects) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '\'' {
                parts.push(Part::Text(quoted(&mut rest)));
            } else if c.is_ascii_alphabetic() {
                if !LETTERS.contains(c) {
                    return Err(format!("Illegal pattern component: {c}"));
                }
                let mut count = 1;
                while rest.next_if_eq(&c).is_some() {
                    count += 1;
                }
                parts.push(Part::Field(c, count));
            } else {
                parts.push(Part::Text(c.into()));
            }
        }
        if parts.is_empty() {
            return Err("Invalid pattern specification".to_owned());
        }
        Ok(Self(parts))
    }

    /// Whether it shows words, which are others in each language.
    pub(in crate::objects) fn has_words(&self) -> bool {
        self.0.iter().any(|part| match part {
            Part::Field('M', count) => *count > 2,
            Part::Field('z', _) => true,
            Part::Field(letter, _) => WORDS.contains(*letter),
            Part::Text(_) => false,
        })
    }

    /// Appends a moment.
    pub(super) fn format(&self, at: &ZonedDateTime, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(letter, count) => field(*letter, *count, at, out),
            }
        }
    }
}

/// Up to the next quote; two of them are one.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    if rest.next_if_eq(&'\'').is_some() {
        return "'".to_owned();
    }
    let mut text = String::new();
    while let Some(c) = rest.next() {
        if c == '\'' && rest.next_if_eq(&'\'').is_none() {
            break;
        }
        text.push(c);
    }
    text
}

fn number(out: &mut String, value: i64, width: usize) {
    // Writing to a text does not fail.
    let _ = write!(out, "{value:0width$}");
}

fn field(letter: char, count: usize, at: &ZonedDateTime, out: &mut String) {
    let date = at.date();
    let week = date.iso_week_date();
    let hour = i64::from(at.hour());
    let year = |out: &mut String, year: i64| match count {
        2 => number(out, year.rem_euclid(100), 2),
        _ => number(out, year, count),
    };
    let (month, weekday) = (usize::from(date.month().unsigned_abs()), date.weekday());
    match letter {
        'G' => out.push_str(if date.year() > 0 { "AD" } else { "BC" }),
        'C' => number(out, i64::from(date.year()) / 100, count),
        'Y' => {
            let year_of_era = if date.year() > 0 { date.year() } else { 1 - date.year() };
            year(out, year_of_era.into());
        }
        'y' => year(out, date.year().into()),
        'x' => year(out, week.year().into()),
        'w' => number(out, week.week().into(), count),
        'e' => number(out, weekday.to_monday_one_offset().into(), count),
        'E' => text(out, day_name(weekday), count > 3),
        'D' => number(out, date.day_of_year().into(), count),
        'M' if count > 2 => {
            text(out, MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or_default(), count > 3);
        }
        'M' => number(out, date.month().into(), count),
        'd' => number(out, date.day().into(), count),
        'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'K' => number(out, hour % 12, count),
        'h' => number(out, (hour + 11) % 12 + 1, count),
        'H' => number(out, hour, count),
        'k' => number(out, (hour + 23) % 24 + 1, count),
        'm' => number(out, at.minute().into(), count),
        's' => number(out, at.second().into(), count),
        'S' => {
            let digits = format!("{:03}", at.millisecond());
            (0..count).for_each(|place| out.push(digits.chars().nth(place).unwrap_or('0')));
        }
        'z' => out.push_str(&at.strftime("%Z").to_string()),
        'Z' if count > 2 => out.push_str(at.time_zone().iana_name().unwrap_or("UTC")),
        _ => {
            let seconds = at.offset().seconds();
            let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
            let between = if count == 2 { ":" } else { "" };
            let _ = write!(out, "{sign}{:02}{between}{:02}", minutes / 60, minutes % 60);
        }
    }
}

fn text(out: &mut String, word: &str, is_long: bool) {
    out.push_str(if is_long { word } else { word.get(..3).unwrap_or(word) });
}

fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}
