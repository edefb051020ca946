//! Patterns of `java.text.SimpleDateFormat`, for the locale en_US. The zone is UTC until a text
//! that is read names another one, which then stays in force, as in Java.

mod format;
mod parse;
mod resolve;
mod week;
mod zones;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gantry_model::calendar::Fields;
use gantry_model::{Error, Result};

use zones::Zone;

/// The letters that Java gives a meaning.
const LETTERS: &str = "GyMdkHmsSEDFwWahKzZYuXL";
const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct SimpleDateFormat {
    parts: Vec<Part>,
    /// When the hundred years begin in which years of two digits lie.
    century_start_ms: i64,
    zone: ZoneInForce,
}

/// The zone that a text named last; none is UTC.
type ZoneInForce = RefCell<Option<Arc<Zone>>>;

/// Years of two digits lie up to so many years before today.
const YEARS_BACK: i64 = 80;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// A letter and how often it stands in a row.
    Field(char, usize),
}

impl SimpleDateFormat {
    /// Compiles a pattern; `IllegalArgumentException` for one that Java refuses.
    pub fn compile(pattern: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut quoted = false;
        let mut rest = pattern.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '\'' {
                // Two quotes are one, within quotes and without.
                if rest.next_if_eq(&'\'').is_some() {
                    literal.push('\'');
                } else {
                    quoted = !quoted;
                }
            } else if quoted || !c.is_ascii_alphabetic() {
                literal.push(c);
            } else {
                if !LETTERS.contains(c) {
                    return Err(illegal(format!("Illegal pattern character '{c}'")));
                }
                let mut count = 1;
                while rest.next_if_eq(&c).is_some() {
                    count += 1;
                }
                if c == 'X' && count > 3 {
                    return Err(illegal(format!("invalid ISO 8601 format: length={count}")));
                }
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Field(c, count));
            }
        }
        if quoted {
            return Err(illegal("Unterminated quote".to_owned()));
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts, century_start_ms: century_start_ms(), zone: RefCell::new(None) })
    }

    /// The year in which [`Self::century_start_ms`] lies.
    fn century_start_year(&self) -> i32 {
        i32::try_from(Fields::of(self.century_start_ms).year).unwrap_or(0)
    }

    /// How many milliseconds, from a multiple of as many, the formatted text stays the same.
    pub(crate) fn resolution_ms(&self) -> i64 {
        let of_field = |part: &Part| match part {
            Part::Field('S', _) => 1,
            Part::Field('s', _) => SECOND_MS,
            Part::Field('m', _) => MINUTE_MS,
            Part::Field('H' | 'k' | 'K' | 'h' | 'a', _) => HOUR_MS,
            _ => DAY_MS,
        };
        self.parts.iter().map(of_field).min().unwrap_or(DAY_MS)
    }
}

/// So many years before now, as Java has it.
fn century_start_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut at = Fields::of(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    at.year -= YEARS_BACK;
    at.to_ms()
}

fn illegal(message: String) -> Error {
    Error::java("java.lang.IllegalArgumentException", message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_java_refuses() {
        let text = |pattern| SimpleDateFormat::compile(pattern).expect_err("refused").to_string();
        assert!(text("bogus!").ends_with("Illegal pattern character 'b'"));
        assert!(text("yyyy 'T").ends_with("Unterminated quote"));
        assert!(text("XXXX").ends_with("invalid ISO 8601 format: length=4"));
    }

    #[test]
    fn quotes_make_literals() {
        let format = SimpleDateFormat::compile("'it''s' yy'''d'").expect("valid");
        assert_eq!(
            format.parts,
            [
                Part::Literal("it's ".to_owned()),
                Part::Field('y', 2),
                Part::Literal("'d".to_owned())
            ]
        );
    }

    #[test]
    fn the_finest_field_gives_the_resolution() {
        for (pattern, resolution) in
            [("yyyyMMdd", DAY_MS), ("yyyyHH", HOUR_MS), ("mm:ss", SECOND_MS), ("SSS", 1)]
        {
            let format = SimpleDateFormat::compile(pattern).expect("valid");
            assert_eq!(format.resolution_ms(), resolution, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_reads_and_writes(
            pattern in "[GyMdkHmsSEDFwWahKzZYuXL' :/.-]{0,16}",
            text in "[0-9A-Za-z+: /.,'-]{0,24}",
            ms in any::<i64>(),
        ) {
            if let Ok(format) = SimpleDateFormat::compile(&pattern) {
                let _ = format.parse(&text);
                let written = format.format(ms);
                let _ = format.parse(&written);
            }
        }

        #[test]
        fn moments_are_read_back(ms in -62_135_769_600_000i64..253_402_300_800_000) {
            let format = SimpleDateFormat::compile("G yyyy-MM-dd HH:mm:ss.SSS XX").unwrap();
            prop_assert_eq!(format.parse(&format.format(ms)), Some(ms));
        }
    }
}
