//! Records as messages, so that any RocketMQ client can read what we wrote and write what we
//! read. The value is the body and the key is `KEYS`; headers are properties. What a message
//! cannot hold as it is stands in properties of ours beside it:
//!
//! | property | when | what |
//! |---|---|---|
//! | `connect.timestamp` | the batch has records of several times | milliseconds since the epoch; else the message's own born time counts |
//! | `gantry.time` = `store` | the log was to set the time | the time at which the broker stored it counts |
//! | `gantry.value` | the value is null or empty, which a body cannot be | `null` or `empty`; the body is one byte |
//! | `gantry.key` | the key is no plain text | base64 of its bytes |
//! | `gantry.headers` | headers are not in the order of their names, or one is no plain property | a JSON list: `"name"` is the property of that name, `["name","base64"]` or `["name",null]` stand for themselves |
//! | `gantry.value.bytes` | key and headers are too long for properties | the length of the value in the body; behind it stands all else |

mod decode;
mod encode;
mod properties;

pub(crate) use decode::messages;
pub(crate) use encode::{Encoded, encode, parts};
#[cfg(test)]
mod tests;
