//! Names of topics and groups: RocketMQ allows ASCII letters, digits, `_`, `-`, `%` and `|`, but
//! no dot, which many topics of Kafka connectors have. What is not allowed is written `%2E`, as
//! in URLs; names without stay as they are.

use std::fmt::Write;

/// The longest topic that a broker takes.
pub(crate) const TOPIC_BYTES_MAX: usize = 127;
/// The longest group that a broker takes.
const GROUP_BYTES_MAX: usize = 120;

fn encode(name: &str, allowed: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if allowed(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A topic as RocketMQ knows it.
pub(crate) fn encode_topic(name: &str) -> String {
    encode(name, |byte| byte.is_ascii() && byte != b'.')
}

/// A topic of RocketMQ's as we know it: the reverse.
pub(crate) fn decode_topic(name: &str) -> String {
    name.replace("%2E", ".")
}

/// A group as RocketMQ knows it; one that RocketMQ told stays as it is. A long one is told apart by
/// its check sum.
pub(crate) fn encode_group(name: &str) -> String {
    let encoded = encode(name, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'%' | b'|')
    });
    if encoded.len() <= GROUP_BYTES_MAX {
        return encoded;
    }
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let start: String = encoded.chars().take(GROUP_BYTES_MAX - 17).collect();
    format!("{start}-{sum:016x}")
}

/// Whether a topic is RocketMQ's own: what brokers keep for themselves, and retries and dead
/// letters of consumer groups.
pub(crate) fn is_internal(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "TBW102",
        "SCHEDULE_TOPIC_XXXX",
        "BenchmarkTest",
        "SELF_TEST_TOPIC",
        "OFFSET_MOVED_EVENT",
        "TRANS_CHECK_MAX_TIME_TOPIC",
        "wheel_timer",
        "rmq_sys_wheel_timer",
        "DefaultHeartBeatSyncerTopic",
        "CHECKPOINT_TOPIC",
        "PopLongPolling",
        "lmq",
    ];
    let starts = ["%RETRY%", "%DLQ%", "%SYS%", "RMQ_SYS_", "rmq_sys_", "%LMQ%"];
    NAMES.contains(&name)
        || starts.iter().any(|start| name.starts_with(start))
        || name.ends_with("_REPLY_TOPIC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_come_back_and_differ() {
        for (name, encoded) in
            [("orders", "orders"), ("db.inventory.x", "db%2Einventory%2Ex"), ("a_b-c", "a_b-c")]
        {
            assert_eq!(encode_topic(name), encoded);
            assert_eq!(decode_topic(encoded), name);
        }
    }

    #[test]
    fn groups_are_allowed_and_differ() {
        assert_eq!(encode_group("connect-a b"), "connect-a%20b");
        assert_eq!(encode_group("MQ_INST_1%orders|x"), "MQ_INST_1%orders|x");
        let [one, two] = ["x", "y"].map(|end| encode_group(&("ä".repeat(90) + end)));
        assert_ne!(one, two);
        assert!(one.len() <= GROUP_BYTES_MAX);
    }
}
