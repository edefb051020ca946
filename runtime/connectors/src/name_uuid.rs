//! Java's `UUID.nameUUIDFromBytes`.

use md5::{Digest, Md5};

/// The text of the UUID (version 3, without a name space) of bytes.
pub(crate) fn name_uuid(bytes: &[u8]) -> String {
    let mut hash: [u8; 16] = Md5::digest(bytes).into();
    hash[6] = (hash[6] & 0x0f) | 0x30;
    hash[8] = (hash[8] & 0x3f) | 0x80;
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_what_java_gives() {
        assert_eq!(super::name_uuid(b"hello"), "5d41402a-bc4b-3a76-b971-9d911017c592");
    }
}
