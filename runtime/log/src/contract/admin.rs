//! What topics promise.

use super::support::{
    AnyLog, eventually, fresh, put, queue, read_all, text, topic, topic_of, value,
};
use crate::api::{Cleanup, LogError, TopicInfo, TopicLikeness, TopicSpec};

/// A created topic is found as it was asked for, and cannot be created again.
pub async fn topics_are_created_and_listed(log: AnyLog) {
    let cleanup = Cleanup::Delete { retention_ms: Some(3_600_000), retention_bytes: Some(1 << 30) };
    let specs =
        [TopicSpec::with_queues(3), TopicSpec::compacted(), TopicSpec { queues: 2, cleanup }];
    for spec in specs {
        let name = topic_of(&log, "created", spec).await;
        let expected = match spec.cleanup {
            Cleanup::Delete { .. } if !log.keeps_retention() => TopicSpec::with_queues(spec.queues),
            _ => spec,
        };
        let expected = TopicInfo { spec: expected };
        assert_eq!(log.topic(&name).await.expect("answers"), Some(expected));
        let all = log.topics().await.expect("answers");
        assert_eq!(all.get(&name), Some(&expected));
        match log.create_topic(&name, spec).await {
            Err(LogError::TopicExists(named)) => assert_eq!(named, name),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log.topic(&fresh("nowhere")).await.expect("answers"), None);
}

/// Whoever is told that a topic exists finds it, also when it was created a moment ago.
pub async fn topics_created_by_several_are_there_for_all(log: AnyLog) {
    for _ in 0..20 {
        let name = fresh("raced");
        let mut creators = Vec::new();
        for _ in 0..8 {
            let (log, name) = (AnyLog::clone(&log), name.clone());
            creators.push(tokio::spawn(async move {
                let created = log.create_topic(&name, TopicSpec::with_queues(2)).await;
                let exists = matches!(created, Err(LogError::TopicExists(_)));
                assert!(created.is_ok() || exists, "{created:?}");
                put(&log, &queue(&name, 1), vec![text("x")]).await;
                created.is_ok()
            }));
        }
        let mut created = 0;
        for creator in creators {
            created += usize::from(creator.await.expect("a creator ends"));
        }
        assert_eq!(created, 1, "one creates, the others are told");
    }
}

/// Names follow Kafka's rule, and a topic has queues.
pub async fn names_and_sizes_are_checked(log: AnyLog) {
    let too_long = "x".repeat(crate::TOPIC_NAME_BYTES_MAX + 1);
    for name in ["", ".", "..", "a b", "a/b", "ä", too_long.as_str()] {
        let refused = log.create_topic(name, TopicSpec::with_queues(1)).await;
        match refused {
            Err(LogError::InvalidTopic { topic, reason }) => {
                assert_eq!(&*topic, name);
                assert!(!reason.is_empty());
            }
            other => panic!("{name:?}: {other:?}"),
        }
    }
    let refused = log.create_topic(&fresh("queueless"), TopicSpec::with_queues(0)).await;
    assert!(matches!(refused, Err(LogError::InvalidTopic { .. })), "{refused:?}");
}

/// A deleted topic is gone with its records; one of the same name begins without them.
pub async fn deleted_topic_is_gone(log: AnyLog) {
    let name = topic(&log, "deleted", 1).await;
    put(&log, &queue(&name, 0), vec![text("old")]).await;
    log.delete_topic(&name).await.expect("deletes");
    eventually("the topic is gone", || async {
        log.topic(&name).await.expect("answers").is_none()
    })
    .await;
    assert!(!log.topics().await.expect("answers").contains_key(&name));
    match log.delete_topic(&name).await {
        Err(LogError::Unknown(named)) => assert_eq!(named.topic, name),
        other => panic!("{other:?}"),
    }
    log.create_topic(&name, TopicSpec::with_queues(1)).await.expect("creates again");
    assert!(read_all(&log, &queue(&name, 0)).await.is_empty(), "records came back");
    put(&log, &queue(&name, 0), vec![text("new")]).await;
    eventually("the new record can be read", || async {
        read_all(&log, &queue(&name, 0)).await.len() == 1
    })
    .await;
}

/// Queues that are added stand behind the others, which keep their records. Where the log can
/// choose, queues begin where asked, and the first record gets that offset.
pub async fn queues_are_added_and_begin_where_asked(log: AnyLog) {
    let name = fresh("like");
    let likeness = TopicLikeness { first_offsets: vec![7, 1 << 40], ..TopicLikeness::default() };
    log.create_topic_like(&name, TopicSpec::with_queues(2), &likeness).await.expect("creates");
    let begun = log.range(&queue(&name, 0)).await.expect("there").next;
    assert!(begun == 7 || begun == 0, "{begun}");
    let chosen = |offset: u64| if begun == 0 { 0 } else { offset };
    let second = log.range(&queue(&name, 1)).await.expect("there");
    let expected = chosen(1 << 40);
    assert_eq!((second.earliest, second.next), (expected, expected));
    assert_eq!(put(&log, &queue(&name, 0), vec![text("a")]).await, begun);
    log.add_queues(&name, 4, &[1, 2, 30]).await.expect("adds");
    let info = log.topic(&name).await.expect("answers").expect("there");
    assert_eq!(info.spec.queues, 4);
    for (at, first) in [(2, chosen(30)), (3, 0)] {
        assert_eq!(put(&log, &queue(&name, at), vec![text("new")]).await, first, "queue {at}");
    }
    assert_eq!(put(&log, &queue(&name, 0), vec![text("b")]).await, begun + 1);
    let kept = read_all(&log, &queue(&name, 0)).await;
    let values: Vec<String> = kept.iter().map(|(_, record)| value(record)).collect();
    assert_eq!(values, ["a", "b"]);
    assert_eq!(read_all(&log, &queue(&name, 2)).await.len(), 1);
    log.add_queues(&name, 3, &[]).await.expect("nothing to do");
    assert_eq!(log.topic(&name).await.expect("answers").expect("there").spec.queues, 4);
    match log.add_queues(&fresh("nowhere"), 2, &[]).await {
        Err(LogError::Unknown(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// The counter of changes goes up when a topic comes and when one goes.
pub async fn topic_changes_count_up(log: AnyLog) {
    let mut changes = log.topic_changes();
    let before = *changes.borrow_and_update();
    let name = topic(&log, "counted", 1).await;
    changes.changed().await.expect("the log lives");
    let created = *changes.borrow_and_update();
    assert!(created > before);
    log.delete_topic(&name).await.expect("deletes");
    changes.changed().await.expect("the log lives");
    assert!(*changes.borrow_and_update() > created);
}
