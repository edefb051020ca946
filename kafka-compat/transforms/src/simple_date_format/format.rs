//! Writing moments.

use gantry_model::calendar::Fields;

use super::{DAY_MS, Part, SimpleDateFormat};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Length of short names of months and weekdays.
pub(super) const SHORT: usize = 3;

/// Parts of a date that the calendar's own fields do not show.
struct Week {
    /// Sunday is 0.
    weekday: i64,
    day_of_year: i64,
    week_year: i64,
    week_of_year: i64,
    week_of_month: i64,
}

impl Week {
    /// Weeks begin on Sunday, and the first one is that of the first day (en_US).
    fn of(ms: i64, at: &Fields) -> Self {
        let weekday = (ms.div_euclid(DAY_MS) + 4).rem_euclid(7);
        let midnight = Fields { hour: 0, minute: 0, second: 0, millisecond: 0, ..*at };
        let new_year = Fields { month: 1, day: 1, ..midnight };
        let day_of_year = (midnight.to_ms() - new_year.to_ms()) / DAY_MS + 1;
        // The weekday of the first of the year or month, from which full weeks count on.
        let weeks = |day: i64| (day - 1 + (weekday - (day - 1)).rem_euclid(7)) / 7 + 1;
        let saturday = at.day + 6 - weekday;
        let next_year = at.month == 12 && saturday > 31;
        Self {
            weekday,
            day_of_year,
            week_year: if next_year { at.year + 1 } else { at.year },
            week_of_year: if next_year { 1 } else { weeks(day_of_year) },
            week_of_month: weeks(at.day),
        }
    }
}

impl SimpleDateFormat {
    /// The text of a moment in milliseconds since the epoch, in UTC.
    pub(crate) fn format(&self, ms: i64) -> String {
        let at = Fields::of(ms);
        let week = Week::of(ms, &at);
        let mut text = String::with_capacity(32);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Field(letter, count) => write_field(&mut text, *letter, *count, &at, &week),
            }
        }
        text
    }
}

fn write_field(text: &mut String, letter: char, count: usize, at: &Fields, week: &Week) {
    let twelve = at.hour % 12;
    match letter {
        'G' => text.push_str(if at.year > 0 { "AD" } else { "BC" }),
        'y' => year(text, at.year_of_era(), count),
        'Y' => year(text, week.week_year, count),
        'M' | 'L' if count >= SHORT => name(text, &MONTHS, at.month - 1, count),
        'M' | 'L' => number(text, at.month, count),
        'E' => name(text, &WEEKDAYS, week.weekday, count),
        'u' => number(text, if week.weekday == 0 { 7 } else { week.weekday }, count),
        'd' => number(text, at.day, count),
        'D' => number(text, week.day_of_year, count),
        'F' => number(text, (at.day - 1) / 7 + 1, count),
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
        'z' if count > SHORT => text.push_str("Coordinated Universal Time"),
        'z' => text.push_str("UTC"),
        'Z' => text.push_str("+0000"),
        // Only X is left: no other letter compiles.
        _ => text.push('Z'),
    }
}

/// Two letters show the last two digits, any other count the whole year.
fn year(text: &mut String, year: i64, count: usize) {
    if count == 2 {
        number(text, year % 100, 2);
    } else {
        number(text, year, count);
    }
}

/// The sign does not count for the width.
fn number(text: &mut String, value: i64, width: usize) {
    if value < 0 {
        text.push('-');
    }
    let digits = value.unsigned_abs().to_string();
    // A pattern may ask for more than a format string can: its widths have 16 bits.
    text.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    text.push_str(&digits);
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
    }
}
