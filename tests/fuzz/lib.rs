//! What the fuzz targets share.

use std::borrow::Cow;

/// Inputs that begin so are made large by [`grown`].
const GROW: &[u8] = b"\xff\xff";
/// So large mostly: an algorithm that takes the square of it runs into the limit of time.
pub const GROWN_BYTES: usize = 64 << 10;

/// An input as it is; or, behind a mark, `prefix NUL unit NUL suffix` with the unit many times, so that small inputs find what
/// grows faster than they do, or goes deeper than the stack.
pub fn grown(bytes: &[u8], size: usize) -> Cow<'_, [u8]> {
    let Some(rest) = bytes.strip_prefix(GROW) else { return Cow::Borrowed(bytes) };
    let mut parts = rest.splitn(3, |byte| *byte == 0);
    let [prefix, unit, suffix] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    if unit.is_empty() {
        return Cow::Borrowed(rest);
    }
    let mut all = prefix.to_vec();
    all.extend(unit.iter().cycle().take(size / unit.len() * unit.len()));
    all.extend(suffix);
    Cow::Owned(all)
}

/// Splits an input into `N` texts at `separator`; what is missing is empty. `None` unless all of it is UTF-8.
pub fn texts<const N: usize>(bytes: &[u8], separator: char) -> Option<[&str; N]> {
    let mut parts = std::str::from_utf8(bytes).ok()?.splitn(N, separator);
    Some(std::array::from_fn(|_| parts.next().unwrap_or_default()))
}
