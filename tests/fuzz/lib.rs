//! What the fuzz targets share.

use std::borrow::Cow;

use gantry_schema_model::{Dependency, Format, ParsedSchema as _};

/// Inputs that begin so are made large by [`grown`].
const GROW: &[u8] = b"\xff\xff";
/// So large mostly: an algorithm that takes the square of it runs into the limit of time.
pub const GROWN_BYTES: usize = 64 << 10;

/// In the unit of an input that is made large: how often it came before.
const NUMBER: u8 = 1;

/// An input as it is; or, behind a mark, `prefix NUL unit NUL suffix` with the unit many times, so that small inputs find what
/// grows faster than they do, or goes deeper than the stack. A [`NUMBER`] in the unit makes each one different.
pub fn grown(bytes: &[u8], size: usize) -> Cow<'_, [u8]> {
    let Some(rest) = bytes.strip_prefix(GROW) else { return Cow::Borrowed(bytes) };
    let mut parts = rest.splitn(3, |byte| *byte == 0);
    let [prefix, unit, suffix] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    if unit.is_empty() {
        return Cow::Borrowed(rest);
    }
    let mut all = prefix.to_vec();
    for number in 0..size {
        if all.len() - prefix.len() + unit.len() > size {
            break;
        }
        for byte in unit {
            match *byte {
                NUMBER => all.extend(number.to_string().bytes()),
                byte => all.push(byte),
            }
        }
    }
    all.extend(suffix);
    Cow::Owned(all)
}

/// Splits an input into `N` texts at `separator`; what is missing is empty. `None` unless all of it is UTF-8.
pub fn texts<const N: usize>(bytes: &[u8], separator: char) -> Option<[&str; N]> {
    let mut parts = std::str::from_utf8(bytes).ok()?.splitn(N, separator);
    Some(std::array::from_fn(|_| parts.next().unwrap_or_default()))
}

/// Between the texts of an input of [`schemas`].
const BETWEEN: char = '\u{1e}';

/// Two texts of a format: both are read, written, read again and compared. The first byte says how;
/// what a third text is, others refer to by the fourth one.
pub fn schemas<F: Format>(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let grown = grown(bytes, GROWN_BYTES);
    let Some([one, other, dependency, name]) = texts(&grown, BETWEEN) else { return };
    let is_new = how & 1 == 1;
    let dependency = Dependency { name: name.to_owned(), text: dependency.to_owned() };
    let dependencies = if name.is_empty() { Vec::new() } else { vec![dependency] };
    let one = read::<F>(one, &dependencies, is_new);
    let other = read::<F>(other, &dependencies, is_new);
    if let (Some(one), Some(other)) = (&one, &other) {
        let _ = F::incompatibilities(one, other);
        let _ = F::incompatibilities(other, one);
    }
    if let Some(one) = &one {
        let _ = F::incompatibilities(one, one);
        let _ = (one.name(), one.formatted("resolved"), one.formatted("serialized"));
    }
}

fn read<F: Format>(text: &str, dependencies: &[Dependency], is_new: bool) -> Option<F::Schema> {
    let schema = F::parse(text, dependencies, is_new).ok()?;
    // What is kept was registered, and is not held to the rules for what is new.
    let kept = |text: &str| F::parse(text, dependencies, false).expect("what is kept can be read");
    // But for white space: as in Confluent's registry, what stands in a message is indented, also a
    // text over several lines, and the first normalization leaves an empty line for an empty `extend`.
    let words = |text: &str| -> String { text.split_whitespace().collect() };
    let canonical = schema.canonical();
    let again = kept(canonical);
    assert_eq!(words(again.canonical()), words(canonical), "a second round changes nothing");
    let normalized = schema.normalized();
    let twice = kept(&normalized).normalized();
    assert_eq!(words(&twice), words(&normalized), "nor does normalizing twice");
    Some(schema)
}
