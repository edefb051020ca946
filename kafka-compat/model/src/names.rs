//! Names that stay for the life of the process: the fields that records have again and again.
//!
//! A text counts its users, and with threads on both sides of a queue that counting costs more
//! than the name itself. A lasting name is counted by nobody.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::value::Text;

/// All lasting names together may have so many bytes; no name is added after that.
const MAX_BYTES: usize = 1024 * 1024;
/// Longer names are not worth a place.
const MAX_NAME_BYTES: usize = 256;

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
    if name.len() > MAX_NAME_BYTES || names.bytes + name.len() > MAX_BYTES {
        return None;
    }
    let kept: &'static str = Box::leak(name.into());
    names.bytes += name.len();
    names.known.get_or_insert_default().insert(kept);
    Some(Text::from_static(kept))
}

/// The lasting name, if there is one already; else a copy.
pub fn lasting_or_copy(name: &str) -> Text {
    let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match names.known.as_ref().and_then(|known| known.get(name)) {
        Some(known) => Text::from_static(known),
        None => Text::from(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_and_what_is_too_long_has_no_place() {
        assert_ne!(lasting_or_copy("a name").as_ptr(), lasting_or_copy("a name").as_ptr());
        let first = lasting("a name").expect("room");
        let again = lasting(&String::from("a name")).expect("room");
        assert_eq!((&*first, first.as_ptr()), ("a name", again.as_ptr()));
        assert_eq!(lasting_or_copy("a name").as_ptr(), first.as_ptr());
        assert_eq!(lasting(&"x".repeat(MAX_NAME_BYTES + 1)), None);
    }
}
