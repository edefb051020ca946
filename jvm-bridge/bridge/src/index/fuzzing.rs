//! What fuzzing calls.

use std::path::Path;

use super::class_file::Parser;
use super::element;
use super::locate::Place;
use super::scan::{Extent, scan};

/// A class file.
pub(crate) fn class(bytes: &[u8]) {
    let (mut parser, mut prefix) = (Parser::default(), bytes);
    if parser.read(&mut prefix).is_ok() {
        drop(parser.name(&mut prefix).map(str::len));
        drop(parser.supers(&mut prefix).map(Iterator::count));
        drop(parser.constructors(&mut prefix));
    }
}

/// An archive, as the only one of a location.
pub(crate) fn archive(path: &Path) {
    let place = Place { path: path.to_owned(), elements: vec![path.to_owned()] };
    let (elements, _) = element::open(&place);
    drop(scan(path, &elements, Extent::Listed));
    drop(scan(path, &elements, Extent::All));
}
