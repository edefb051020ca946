//! Who this worker is.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::files::read_text_bounded;

/// Gantry's own version, beside that of the Kafka Connect that it behaves like.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built, where the build says it.
pub(crate) const COMMIT: &str = match option_env!("GANTRY_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// The file in the data directory that holds the cluster id.
const FILE: &str = "cluster-id";

/// A larger file holds no id.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// Of the file: like all in the data directory it is its owner's.
const FILE_MODE: u32 = 0o600;

/// Random bytes of a cluster id.
const ID_BYTES: usize = 16;

/// The id that stays with a data directory: read from it, or made and kept there. An id that
/// cannot be kept is an error; it names the file.
pub(crate) fn cluster_id(data_dir: &Path) -> Result<String, String> {
    let file = data_dir.join(FILE);
    if let Ok(text) = read_text_bounded(&file, FILE_BYTES_MAX)
        && !text.trim().is_empty()
    {
        return Ok(text.trim().to_owned());
    }
    let failed = |error: std::io::Error| {
        format!("cannot keep the cluster id in {}: {error}", file.display())
    };
    let mut random = [0; ID_BYTES];
    fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut random)).map_err(failed)?;
    let id = base64_url(&random);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut created = options.open(&file).map_err(failed)?;
    created.write_all(format!("{id}\n").as_bytes()).map_err(failed)?;
    Ok(id)
}

/// The id of a cluster that is known by a text: the same for all of its workers.
pub(crate) fn cluster_id_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    base64_url(digest.get(..ID_BYTES).unwrap_or_default())
}

/// Base64 for URLs without padding: the form of Kafka's cluster ids.
fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = 0;
        for i in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(i).copied().unwrap_or_default());
        }
        for digit in 0..=chunk.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(char::from(DIGITS[index as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn base64_is_that_of_urls() {
        assert_eq!(base64_url(b""), "");
        assert_eq!(base64_url(b"f"), "Zg");
        assert_eq!(base64_url(b"fo"), "Zm8");
        assert_eq!(base64_url(b"foo"), "Zm9v");
        assert_eq!(base64_url(&[0xfb, 0xff]), "-_8");
        assert_eq!(base64_url(&[7; 16]).len(), 22);
    }

    #[test]
    fn an_id_stays_with_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let id = cluster_id(dir.path()).unwrap();
        assert_eq!(cluster_id(dir.path()).unwrap(), id);
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(cluster_id(other.path()).unwrap(), id);
        assert!(cluster_id(Path::new("/nonexistent")).unwrap_err().contains("cluster-id"));
    }
}
