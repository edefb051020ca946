//! The field names of the documents of one converter, which mostly are the same in the same order.

use std::collections::HashMap;

use gantry_model::Text;
use gantry_model::names::Name;

use super::scan;

/// How many names are known at most: one bit each in [`Seen`].
const MAX_NAMES: usize = 256;
/// Longer names are not known.
const MAX_NAME_BYTES: usize = 256;
/// When no more can be known, so many unknown ones make room.
const UNKNOWN_TO_FORGET: usize = 64 * MAX_NAMES;

/// The names that were met, each with those that followed it last.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: Vec<Known>,
    places: HashMap<Box<str>, usize>,
    latest: usize,
    unknown: usize,
}

#[derive(Debug)]
struct Known {
    /// The name in quotes, and the colon, as it stands in a document without blanks.
    quoted: Box<[u8]>,
    name: Name,
    /// Two, as objects of one kind may stand at two places of a document.
    next: [usize; 2],
}

/// Where a name is known, until the end of the document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(pub(crate) usize);

impl Names {
    /// Begins a document. Places of the one before mean nothing any more.
    pub(crate) fn begin(&mut self) {
        if self.unknown >= UNKNOWN_TO_FORGET {
            *self = Self::default();
        }
    }

    /// The name that is expected next, if it stands at the beginning of `text`; and its length
    /// there.
    #[inline]
    pub(crate) fn expected(&mut self, text: &[u8]) -> Option<(Place, Text, usize)> {
        for guess in self.known.get(self.latest)?.next {
            let known = self.known.get_mut(guess)?;
            if text.starts_with(&known.quoted) {
                self.latest = guess;
                return Some((Place(guess), known.name.used(), known.quoted.len()));
            }
        }
        None
    }

    /// The place of any name, which is known from now on; `None` if there is no room for it, which
    /// then is so until the end of the document.
    pub(crate) fn place(&mut self, name: &str) -> Option<(Place, Text)> {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => self.add(name)?,
        };
        if let Some(latest) = self.known.get_mut(self.latest) {
            latest.next = [place, latest.next[0]];
        }
        self.latest = place;
        Some((Place(place), self.known.get_mut(place)?.name.used()))
    }

    fn add(&mut self, name: &str) -> Option<usize> {
        let place = self.known.len();
        // One with an escape does not stand in a document as it is.
        let plain = scan::string_end(name.as_bytes(), 0) == name.len();
        if name.len() > MAX_NAME_BYTES || !plain {
            return None;
        }
        if place >= MAX_NAMES {
            self.unknown += 1;
            return None;
        }
        let quoted = [b"\"", name.as_bytes(), b"\":"].concat().into();
        self.known.push(Known { quoted, name: Name::new(Text::from(name)), next: [0; 2] });
        self.places.insert(name.into(), place);
        Some(place)
    }
}

/// Which known names an object has already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen([u64; MAX_NAMES / 64]);

impl Seen {
    /// Notes a name; whether it is there for the first time.
    #[inline]
    pub(crate) fn first(&mut self, place: Place) -> bool {
        let bit = 1 << (place.0 % 64);
        let Some(word) = self.0.get_mut(place.0 / 64) else { return false };
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::names::lasting;

    use super::*;

    /// More than a name needs to last.
    const OFTEN: usize = 32;

    /// What a document with these names gives: places, and whether the name was expected.
    fn read(names: &mut Names, document: &[&str]) -> Vec<(Option<usize>, bool)> {
        names.begin();
        let each = |name: &&str| match names.expected(format!("\"{name}\":1").as_bytes()) {
            Some((Place(place), text, length)) => {
                assert_eq!((&*text, length), (*name, name.len() + 3));
                (Some(place), true)
            }
            None => match names.place(name) {
                Some((Place(place), text)) => {
                    assert_eq!(text, *name);
                    (Some(place), false)
                }
                None => (None, false),
            },
        };
        document.iter().map(each).collect()
    }

    fn places(list: &[usize], expected: bool) -> Vec<(Option<usize>, bool)> {
        list.iter().map(|&n| (Some(n), expected)).collect()
    }

    #[test]
    fn names_that_come_again_are_expected_and_others_are_found() {
        let mut names = Names::default();
        assert_eq!(read(&mut names, &["an id", "a city"]), places(&[0, 1], false));
        for _ in 0..OFTEN {
            read(&mut names, &["an id", "a city"]);
            assert_eq!(read(&mut names, &["an id", "a city"]), places(&[0, 1], true));
        }
        let lasts = |name: &str| lasting(name).map(|text| text.as_ptr());
        assert_eq!(names.place("a city").map(|(_, text)| text.as_ptr()), lasts("a city"));
        assert_eq!(read(&mut names, &["a"]), places(&[2], false), "no beginning of another name");
        assert_eq!(read(&mut names, &["a\"b", "a\\"]), [(None, false), (None, false)]);
    }

    #[test]
    fn what_follows_in_turn_is_expected() {
        let mut names = Names::default();
        let change = ["before", "id", "city", "after", "id", "city", "op"];
        read(&mut names, &change);
        read(&mut names, &change);
        assert_eq!(read(&mut names, &change), places(&[0, 1, 2, 3, 1, 2, 4], true));
    }

    #[test]
    fn what_is_known_has_a_limit_and_makes_room() {
        let mut names = Names::default();
        let many: Vec<String> =
            (0..MAX_NAMES + UNKNOWN_TO_FORGET).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let read_first = read(&mut names, &many);
        assert_eq!(read_first.iter().filter(|(place, _)| place.is_some()).count(), MAX_NAMES);
        assert_eq!(read(&mut names, &["new"]), [(Some(0), false)]);
    }

    #[test]
    fn each_name_is_first_once() {
        let mut seen = Seen::default();
        for _ in 0..2 {
            let first: Vec<bool> = (0..MAX_NAMES + 1).map(|n| seen.first(Place(n))).collect();
            assert!(first[..MAX_NAMES].iter().all(|f| *f == first[0]));
            assert!(!first[MAX_NAMES]);
        }
        assert!(!seen.first(Place(0)));
    }
}
