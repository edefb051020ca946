//! Signatures of requests: HMAC-SHA256 over the time, a dot and the body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_api::{Error, Result, now_ms};
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use sha2::Sha256;

use super::own::Signing;

/// Signs with one secret.
pub(super) struct Signer {
    /// With the secret already in it.
    mac: Hmac<Sha256>,
    how: Signing,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(super) fn new(how: Signing) -> Result<Self> {
        let mac = Hmac::new_from_slice(how.secret.expose().as_bytes())
            .map_err(|error| Error::config(format!("gantry.http.hmac.secret: {error}")))?;
        Ok(Self { mac, how })
    }

    /// Adds time and signature.
    pub(super) fn sign(&self, body: &[u8], headers: &mut HeaderMap) {
        self.sign_at(now_ms() / 1000, body, headers);
    }

    fn sign_at(&self, seconds: i64, body: &[u8], headers: &mut HeaderMap) {
        let time = seconds.to_string();
        let mut mac = self.mac.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        let digest = mac.finalize().into_bytes();
        let mut text = self.how.prefix.clone();
        match self.how.base64 {
            true => STANDARD.encode_string(digest, &mut text),
            false => {
                let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
                text.extend(digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
            }
        }
        // Digits and what the configuration was checked for.
        if let (Ok(time), Ok(text)) = (HeaderValue::try_from(time), HeaderValue::try_from(text)) {
            headers.insert(self.how.time_header.clone(), time);
            headers.insert(self.how.header.clone(), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_tls::Secret;

    #[test]
    fn the_signature_is_openssls() {
        let how = Signing {
            secret: Secret::new("s3cret"),
            header: "x-signature".parse().unwrap(),
            time_header: "x-timestamp".parse().unwrap(),
            base64: false,
            prefix: "sha256=".to_owned(),
        };
        let mut headers = HeaderMap::new();
        Signer::new(how.clone()).unwrap().sign_at(1_700_000_000, b"{\"a\":1}", &mut headers);
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret
        assert_eq!(
            headers["x-signature"],
            "sha256=1698a50bc74d1ff1db85c4e0a5297c2ad9fdba245d5737cdb789e4cc6e098940"
        );
        assert_eq!(headers["x-timestamp"], "1700000000");
        let how = Signing { base64: true, prefix: String::new(), ..how };
        Signer::new(how).unwrap().sign_at(1_700_000_000, b"{\"a\":1}", &mut headers);
        assert_eq!(headers["x-signature"], "FpilC8dNH/HbhcTgpSl8Ktn9uiRdVzfNt4nkzG4JiUA=");
    }
}
