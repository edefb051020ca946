//! What fuzzing calls.

use std::path::Path;

use bytes::Bytes;

use crate::index;
use crate::wire::{Decoder, Failure, Reader, config_values, definition, offset_map};

/// A frame that Java gives, as each of its readers takes it. Nothing may come of it but an error.
pub fn frame(kind: u8, bytes: &[u8]) {
    let frame = Bytes::copy_from_slice(bytes);
    let from = &mut Reader::new(frame.clone());
    let mut decoder = Decoder::default();
    match kind % 8 {
        0 => drop(decoder.polled(frame)),
        1 => drop(decoder.record(frame)),
        2 => drop(decoder.headers_and_datum(from)),
        3 => drop(Failure::read(frame).map(Failure::into_error)),
        4 => drop(definition(from)),
        5 => drop(config_values(from)),
        6 => drop(offset_map(from)),
        _ => {
            // One frame after the other goes through the same dictionaries.
            let (first, second) = bytes.split_at(bytes.len() / 2);
            drop(decoder.polled(Bytes::copy_from_slice(first)));
            drop(decoder.polled(Bytes::copy_from_slice(second)));
        }
    }
}

/// A class file.
pub fn class(bytes: &[u8]) {
    index::fuzzing::class(bytes);
}

/// An archive, on disk.
pub fn archive(path: &Path) {
    index::fuzzing::archive(path);
}
