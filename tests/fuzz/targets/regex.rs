//! Java's regular expressions: any pattern, text and replacement, in bounded time.
#![no_main]

use gantry_fuzz::{GROWN_BYTES, grown, texts};
use gantry_model::regex::JavaPattern;
use libfuzzer_sys::fuzz_target;

/// Names of topics (at most 249 bytes) and variables are matched. Some patterns take the square of it, as in Java.
const TEXT_BYTES_MAX: usize = 1024;

fuzz_target!(|bytes: &[u8]| {
    // The pattern, or the text, of many parts.
    let (bytes, separator) = match bytes.strip_prefix(b"\xfe") {
        Some(rest) => (grown(rest, GROWN_BYTES), '\u{1}'),
        None => (bytes.into(), '\0'),
    };
    let Some([pattern, text, replacement]) = texts(&bytes, separator) else { return };
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    let Ok(pattern) = JavaPattern::compile(pattern) else { return };
    let whole = pattern.matches(text);
    let found = pattern.is_found(text);
    let replaced = pattern.replace_first(text, replacement);
    if !found && let Ok(replaced) = &replaced {
        assert!(!whole || replaced == text);
    }
});
