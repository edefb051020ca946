//! What comes over REST, for `tests/fuzz`.

use super::config_body::{parse_config, parse_create, set_name};
use super::offsets::{parse_alter, with_partitions};
use super::path::{Path, clean, encode_segment};
use super::record_line;

/// The body of a request, as each endpoint that takes one would read it.
pub fn body(bytes: &[u8]) {
    if let Ok(mut config) = parse_config(bytes) {
        let keys = config.len() + usize::from(!config.contains_key("name"));
        if set_name(&mut config, "connector").is_ok() {
            assert_eq!(config.len(), keys);
        }
    }
    if let Ok(request) = parse_create(bytes) {
        drop(with_partitions(request.initial_offsets.unwrap_or_default(), "source"));
    }
    if let Ok(offsets) = parse_alter(bytes) {
        drop(with_partitions(offsets, "sink"));
    }
}

/// A line of a load. What was read and is written again says the same.
pub fn record_line(line: &[u8]) {
    let Ok(Some(loaded)) = record_line::parse(line, 1) else { return };
    let mut again = Vec::new();
    record_line::write(&mut again, loaded.partition.unwrap_or(0), 0, &loaded.record);
    let read = record_line::parse(&again, 2);
    assert!(matches!(read, Ok(Some(again)) if again.record == loaded.record));
}

/// A raw path, and a text as the name in one.
pub fn path(text: &str) {
    if let Path::Clean(path) = clean(text) {
        assert_eq!(clean(&path), Path::Clean(path.clone()), "what is clean stays as it is");
    }
    let named = format!("/connectors/{}", encode_segment(text));
    match clean(&named) {
        Path::Clean(path) if !text.is_empty() => assert_eq!(path, named),
        _ => {}
    }
}
