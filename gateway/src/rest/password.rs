//! What is kept of passwords, in the forms that files of users have them.

use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The password of a user.
pub(super) enum Password {
    Sha256([u8; 32]),
    /// As files of Jetty's have it.
    Md5([u8; 16]),
}

impl Password {
    /// That of nobody: no text has it.
    pub(super) const UNKNOWN: Self = Self::Sha256([0; 32]);

    /// A password as it is.
    pub(super) fn of(plain: &str) -> Self {
        Self::Sha256(Sha256::digest(plain.as_bytes()).into())
    }

    /// One as Jetty's files have it: as it is, behind `MD5:` or behind `OBF:`. The error does not
    /// show it.
    pub(super) fn of_jetty(text: &str) -> Result<Self, String> {
        if let Some(digits) = text.strip_prefix("MD5:") {
            let bytes = crate::hex::decode(digits).and_then(|bytes| bytes.try_into().ok());
            return bytes.map(Self::Md5).ok_or_else(|| {
                "what is behind MD5: is no MD5; write 32 hexadecimal digits".to_owned()
            });
        }
        if let Some(obfuscated) = text.strip_prefix("OBF:") {
            let plain = plain(obfuscated).ok_or_else(|| {
                "what is behind OBF: was not made by Jetty; write the password as it is".to_owned()
            })?;
            return Ok(Self::Sha256(Sha256::digest(plain).into()));
        }
        if text.starts_with("CRYPT:") {
            return Err("CRYPT: is not known here; write the password as it is, or MD5:".to_owned());
        }
        Ok(Self::of(text))
    }

    /// Whether it is this one. How long that takes says nothing.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        match self {
            Self::Sha256(wanted) => bool::from(wanted.ct_eq(Sha256::digest(given).as_slice())),
            Self::Md5(wanted) => bool::from(wanted.ct_eq(Md5::digest(given).as_slice())),
        }
    }
}

/// Undoes what Jetty does to passwords so that they cannot be read at a glance: four digits to
/// the base of 36 hold two sums of the byte and its counterpart from the other end, or the byte
/// itself where a U stands in front.
fn plain(text: &str) -> Option<Vec<u8>> {
    let mut rest = text;
    let mut bytes = Vec::new();
    while !rest.is_empty() {
        let is_plain = rest.starts_with('U');
        rest = rest.strip_prefix('U').unwrap_or(rest);
        let number = u32::from_str_radix(rest.get(..4)?, 36).ok()?;
        rest = rest.get(4..)?;
        let byte = if is_plain {
            number >> 8
        } else {
            (number / 256 + number % 256).checked_sub(254)? / 2
        };
        bytes.push(u8::try_from(byte).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_jetty_are_read() {
        for (text, plain) in [
            ("changeme", "changeme"),
            ("OBF:1w8t1tvf1w261w8v1w1c1tvn1w8x", "letmein"),
            ("MD5:5ebe2294ecd0e0f08eab7690d2a6ee69", "secret"),
        ] {
            let password = Password::of_jetty(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert!(password.is(plain.as_bytes()), "{text}");
            assert!(!password.is(b"x") && !password.is(text.as_bytes()) || text == plain);
        }
        for wrong in ["MD5:12", "MD5:zz", "OBF:1", "OBF:????", "CRYPT:adpexzg3FUZAk", "OBF:ä"] {
            let why = Password::of_jetty(wrong).err().unwrap_or_else(|| panic!("{wrong}"));
            assert!(why.contains("write"), "{why}");
        }
    }
}
