//! Names that stay for the life of the process: the fields that records have again and again.
//!
//! A text counts its users, and with threads on both sides of a queue that counting costs more
//! than the name itself. A lasting name is counted by nobody.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::value::Text;

/// All lasting names together may take so many bytes; no name is added after that.
const MAX_BYTES: usize = 1024 * 1024;
/// What a name takes besides its own bytes, about.
const BYTES_PER_NAME: usize = 48;
/// Longer names are not worth a place.
const MAX_NAME_BYTES: usize = 256;

/// Names that came so often will come again: they are worth a place that lasts.
const TIMES_TO_LAST: u32 = 16;

static NAMES: Mutex<Names> = Mutex::new(Names { bytes: 0, known: None });

struct Names {
    bytes: usize,
    /// Made with the first name.
    known: Option<HashSet<&'static str>>,
}

/// A name that lasts; equal ones are at the same place in memory. `None` if there is no room.
///
/// Takes a lock, and memory that never is given back: for names of which it is known that they
/// come again.
pub fn lasting(name: &str) -> Option<Text> {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.known.as_ref().and_then(|known| known.get(name)) {
        return Some(Text::from_static(known));
    }
    let bytes = name.len() + BYTES_PER_NAME;
    if name.len() > MAX_NAME_BYTES || names.bytes + bytes > MAX_BYTES {
        return None;
    }
    let kept: &'static str = Box::leak(name.into());
    names.bytes += bytes;
    names.known.get_or_insert_default().insert(kept);
    Some(Text::from_static(kept))
}

/// The lasting name in place of each that has one already.
pub fn with_lasting(mut texts: Vec<Text>) -> Vec<Text> {
    let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(all) = &names.known {
        for text in &mut texts {
            if let Some(known) = all.get(&**text) {
                *text = Text::from_static(known);
            }
        }
    }
    texts
}

/// A name that is used again and again, and lasts once it was used often.
#[derive(Clone, Debug)]
pub struct Name {
    text: Text,
    times: u32,
}

impl Name {
    /// A name that was not used yet.
    pub fn new(text: Text) -> Self {
        Self { text, times: 0 }
    }
    /// The name as it is now.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The name, counted as used. It lasts from the sixteenth time on, if there is room for it.
    #[inline]
    pub fn used(&mut self) -> Text {
        if self.times < TIMES_TO_LAST {
            self.times += 1;
            if self.times == TIMES_TO_LAST
                && let Some(lasting) = lasting(&self.text)
            {
                self.text = lasting;
            }
        }
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_and_what_is_too_long_has_no_place() {
        let first = lasting("a name").expect("room");
        let again = lasting(&String::from("a name")).expect("room");
        assert_eq!((&*first, first.as_ptr()), ("a name", again.as_ptr()));
        let texts = with_lasting(vec!["a name".into(), "another".into()]);
        assert_eq!(texts, ["a name".into(), Text::from("another")]);
        assert_eq!(texts.first().map(|text| text.as_ptr()), Some(first.as_ptr()));
        assert_eq!(lasting(&"x".repeat(MAX_NAME_BYTES + 1)), None);
    }

    #[test]
    fn a_name_lasts_once_it_was_used_often() {
        let mut name = Name::new("used often".into());
        for time in 1..2 * TIMES_TO_LAST {
            let used = name.used();
            assert_eq!((&*used, used.is_lasting()), ("used often", time >= TIMES_TO_LAST));
        }
        let mut long = Name::new("x".repeat(MAX_NAME_BYTES + 1).into());
        assert!((0..2 * TIMES_TO_LAST).all(|_| !long.used().is_lasting()));
    }
}
