//! What a topic may be called and how large it may be.

use crate::api::{LogError, TopicSpec};

/// Longest topic name, in bytes, as in Kafka.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Most queues one topic may have.
pub const TOPIC_QUEUES_MAX: u32 = 65_536;

/// Checks name and size of a topic that shall be created: for implementations of the log.
///
/// # Errors
/// [`LogError::InvalidTopic`] with the reason.
pub fn check_topic(name: &str, spec: &TopicSpec) -> Result<(), LogError> {
    let reason = name_fault(name).or_else(|| queues_fault(spec.queues));
    match reason {
        None => Ok(()),
        Some(reason) => Err(LogError::InvalidTopic { topic: name.into(), reason }),
    }
}

/// Checks how many queues a topic is to have in all.
pub(crate) fn check_more_queues(name: &str, queues: u32) -> Result<(), LogError> {
    match queues_fault(queues) {
        None => Ok(()),
        Some(reason) => Err(LogError::InvalidTopic { topic: name.into(), reason }),
    }
}

fn name_fault(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        return Some("the name is empty".to_owned());
    }
    if name == "." || name == ".." {
        return Some("the name cannot be \".\" or \"..\"".to_owned());
    }
    if name.len() > TOPIC_NAME_BYTES_MAX {
        let length = name.len();
        return Some(format!(
            "the name has {length} characters, at most {TOPIC_NAME_BYTES_MAX} are allowed"
        ));
    }
    let wrong = name.chars().find(|c| !allowed(*c))?;
    Some(format!("the name contains {wrong:?}; allowed are ASCII letters, digits, '.', '_', '-'"))
}

fn queues_fault(queues: u32) -> Option<String> {
    let fits = (1..=TOPIC_QUEUES_MAX).contains(&queues);
    (!fits).then(|| format!("{queues} queues asked for, 1 to {TOPIC_QUEUES_MAX} are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rule() {
        let spec = TopicSpec::with_queues(1);
        let longest = "x".repeat(TOPIC_NAME_BYTES_MAX);
        for good in ["a", "a.b_c-D9", "...", longest.as_str()] {
            assert!(check_topic(good, &spec).is_ok(), "{good}");
        }
        let too_long = "x".repeat(TOPIC_NAME_BYTES_MAX + 1);
        for bad in ["", ".", "..", "a b", "a/b", "ä", "a\0", too_long.as_str()] {
            assert!(check_topic(bad, &spec).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_topic_needs_at_least_one_queue() {
        assert!(check_topic("a", &TopicSpec::with_queues(0)).is_err());
        assert!(check_topic("a", &TopicSpec::with_queues(TOPIC_QUEUES_MAX)).is_ok());
        assert!(check_topic("a", &TopicSpec::with_queues(TOPIC_QUEUES_MAX + 1)).is_err());
    }
}
