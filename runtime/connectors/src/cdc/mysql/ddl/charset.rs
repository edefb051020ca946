//! Names of character sets.

/// Character sets whose names are not the beginnings of their collations' names up to an underscore.
const PREFIXES: [&str; 41] = [
    "armscii8", "ascii", "big5", "binary", "cp1250", "cp1251", "cp1256", "cp1257", "cp850",
    "cp852", "cp866", "cp932", "dec8", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "geostd8",
    "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5", "latin7",
    "macce", "macroman", "sjis", "swe7", "tis620", "ucs2", "ujis", "utf16", "utf16le", "utf32",
    "utf8mb3", "utf8mb4",
];

/// The character set of a collation: what its name begins with.
pub(super) fn charset_of_collation(collation: &str) -> Option<&'static str> {
    let first = collation.split('_').next().unwrap_or_default();
    if first.eq_ignore_ascii_case("utf8") {
        return Some("utf8");
    }
    // Of MariaDB's newer collations, which fit several sets.
    if first.eq_ignore_ascii_case("uca1400") {
        return Some("utf8mb4");
    }
    PREFIXES.into_iter().find(|name| name.eq_ignore_ascii_case(first))
}
