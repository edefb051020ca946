//! The JSON that brokers and name servers write: keys that are numbers stand without quotes.

use rocketmq_protocol::RemotingCommand;
use serde::de::DeserializeOwned;

use crate::remoting::CallError;

/// Reads the body of what `addr` answered.
pub(crate) fn read<T: DeserializeOwned>(
    addr: &str,
    answer: &RemotingCommand,
) -> Result<T, CallError> {
    let body = answer.body().map_or(&[][..], |body| body.as_ref());
    serde_json::from_slice(&quoted(body))
        .map_err(|error| CallError::Answer { addr: addr.into(), reason: error.to_string().into() })
}

/// The same with quotes: a number in front of a colon is a key.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 16);
    let mut number: Option<usize> = None;
    let (mut in_text, mut escaped) = (false, false);
    for byte in text {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if byte.is_ascii_digit() || *byte == b'-' {
            number.get_or_insert(quoted.len());
        } else {
            if let (Some(at), b':') = (number, *byte) {
                quoted.insert(at, b'"');
                quoted.push(b'"');
            }
            number = None;
            in_text = *byte == b'"';
        }
        quoted.push(*byte);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_keys_get_quotes() {
        let text = br#"{"a":{0:"x:1",-12:3},"b":[1,2],"c\"1:2":"\\",10:1}"#;
        let wanted = br#"{"a":{"0":"x:1","-12":3},"b":[1,2],"c\"1:2":"\\","10":1}"#;
        assert_eq!(String::from_utf8(quoted(text)).unwrap(), String::from_utf8_lossy(wanted));
        assert_eq!(quoted(wanted), wanted);
    }
}
