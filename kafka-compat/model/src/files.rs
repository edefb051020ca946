//! Files that are read whole, and never more of them than is meant.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads a file of at most `max` bytes; a larger one is refused, not cut. The error is a reason, to
/// which the caller adds the name of the file and what to do.
pub fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    // What a file says of its size is not asked: some of the system's are endless.
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > max {
        return Err(format!("it is larger than {max} bytes, which is the limit"));
    }
    Ok(bytes)
}

/// As [`read_bounded`], of a file that must be UTF-8.
pub fn read_text_bounded(path: &Path, max: u64) -> Result<String, String> {
    String::from_utf8(read_bounded(path, max)?).map_err(|_| "it is not in UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read_bounded(&file, 5).as_deref(), Ok(&b"12345"[..]));
        let refused = read_bounded(&file, 4).unwrap_err();
        assert_eq!(refused, "it is larger than 4 bytes, which is the limit");
        // It says that it is empty.
        assert!(read_bounded(Path::new("/dev/zero"), 1 << 10).unwrap_err().contains("1024 bytes"));
        assert!(read_bounded(&dir.path().join("no"), 4).unwrap_err().contains("No such file"));
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(read_text_bounded(&file, 5).unwrap_err(), "it is not in UTF-8");
    }
}
