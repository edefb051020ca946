//! Source partitions and offsets in MirrorMaker's form, and what users may write of them.

use gantry_api::{Error, OffsetMap, Result, SourceOffset, SourcePartition, Str};
use gantry_log::TopicPartition;
use serde_json::Value as Json;

pub(crate) const CLUSTER: &str = "cluster";
pub(crate) const TOPIC: &str = "topic";
pub(crate) const PARTITION: &str = "partition";
pub(crate) const OFFSET: &str = "offset";

/// The source partition of a queue.
pub(crate) fn of_queue(cluster: &str, queue: &TopicPartition) -> SourcePartition {
    let mut map = OffsetMap::new();
    map.insert(CLUSTER.to_owned(), Json::from(cluster));
    map.insert(TOPIC.to_owned(), Json::from(&*queue.topic));
    map.insert(PARTITION.to_owned(), Json::from(queue.partition));
    SourcePartition::new(map)
}

/// The name of the number in source offsets, shared by all of a task.
pub(crate) fn offset_name() -> Str {
    OFFSET.into()
}

/// The offset of the last record that was copied.
pub(crate) fn offset(name: &Str, last: u64) -> SourceOffset {
    SourceOffset::Number(Str::clone(name), i64::try_from(last).unwrap_or(i64::MAX))
}

/// Where a queue goes on, by the offset of the last record copied.
pub(crate) fn next(committed: &OffsetMap) -> Option<u64> {
    committed.get(OFFSET)?.as_u64()?.checked_add(1)
}

/// Whether a user's offsets can be those of a connector: each partition has these texts and perhaps
/// a queue, and offsets are not negative, or 0 where nothing goes on from them.
pub(crate) fn check(
    changes: &[(OffsetMap, Option<OffsetMap>)],
    texts: &[&str],
    has_queue: bool,
    only_zero: bool,
) -> Result<()> {
    // A reset may clean up anything.
    for (partition, offset) in changes {
        let Some(offset) = offset else { continue };
        let shown = Json::Object(partition.clone());
        for key in texts {
            match partition.get(*key) {
                Some(Json::String(_)) => {}
                None => return Err(missing(&shown, key)),
                Some(value) => {
                    return Err(wrong(&shown, value, key, "which must be a string"));
                }
            }
        }
        if has_queue {
            check_queue(&shown, partition)?;
        }
        check_offset(&shown, offset, only_zero)?;
    }
    Ok(())
}

fn missing(partition: &Json, key: &str) -> Error {
    Error::connect(format!(
        "Source partition {partition} is missing the '{key}' key, which is required"
    ))
}

fn wrong(partition: &Json, value: &Json, key: &str, what: &str) -> Error {
    Error::connect(format!(
        "Source partition {partition} has an invalid value {value} for the '{key}' key, {what}"
    ))
}

fn check_queue(shown: &Json, partition: &OffsetMap) -> Result<()> {
    let value = partition.get(PARTITION).ok_or_else(|| missing(shown, PARTITION))?;
    match value.as_i64() {
        Some(queue) if queue > i64::from(i32::MAX) => {
            Err(wrong(shown, value, PARTITION, "which must be an integer"))
        }
        None => Err(wrong(shown, value, PARTITION, "which must be an integer")),
        Some(queue) if queue < 0 => Err(wrong(shown, value, PARTITION, "which cannot be negative")),
        Some(_) => Ok(()),
    }
}

fn check_offset(shown: &Json, offset: &OffsetMap, only_zero: bool) -> Result<()> {
    let text = Json::Object(offset.clone());
    let fault = |what: String| {
        Err(Error::connect(format!("Source offset {text} for source partition {shown} {what}")))
    };
    let Some(value) = offset.get(OFFSET) else {
        return fault(format!("is missing the '{OFFSET}' key, which is required"));
    };
    let invalid = format!("has an invalid value {value} for the '{OFFSET}' key");
    match value.as_i64() {
        None => fault(format!("{invalid}, which must be an integer")),
        Some(number) if only_zero && number != 0 => {
            fault(format!("{invalid}; the only accepted value is 0"))
        }
        Some(number) if number < 0 => fault(format!("{invalid}, which cannot be negative")),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> OffsetMap {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn users_offsets_are_checked_as_mirrormaker_does() {
        let queue = r#"{"cluster":"a","topic":"t","partition":1}"#;
        let check = |partition: &str, offset: Option<&str>, zero| {
            check(&[(map(partition), offset.map(map))], &[CLUSTER, TOPIC], true, zero)
        };
        assert!(check(queue, Some(r#"{"offset":5}"#), false).is_ok());
        assert!(check("{}", None, false).is_ok(), "a reset");
        for (partition, offset, zero, said) in [
            ("{}", r#"{"offset":5}"#, false, "missing the 'cluster' key"),
            (r#"{"cluster":1}"#, r#"{"offset":5}"#, false, "must be a string"),
            (r#"{"cluster":"a","topic":"t"}"#, r#"{"offset":5}"#, false, "missing the 'partition'"),
            (queue, "{}", false, "missing the 'offset' key"),
            (queue, r#"{"offset":-5}"#, false, "cannot be negative"),
            (queue, r#"{"offset":5}"#, true, "only accepted value is 0"),
        ] {
            let error = check(partition, Some(offset), zero).unwrap_err();
            assert!(error.message().contains(said), "{error}");
        }
        assert_eq!(next(&map(r#"{"offset":41}"#)), Some(42));
    }
}
