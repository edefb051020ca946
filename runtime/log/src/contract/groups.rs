//! What committed offsets promise.

use std::collections::BTreeMap;

use super::support::{AnyLog, eventually, fresh, queue, topic};
use crate::TopicPartition;
use crate::api::LogError;

fn offsets<const N: usize>(
    of: [(&TopicPartition, Option<u64>); N],
) -> BTreeMap<TopicPartition, Option<u64>> {
    of.into_iter().map(|(name, offset)| (name.clone(), offset)).collect()
}

/// What was committed is read back at once; `None` removes; queues without are left out.
pub async fn commits_are_read_back(log: AnyLog) {
    let topic = topic(&log, "commits", 3).await;
    let group = fresh("group");
    let [a, b, c] = [0, 1, 2].map(|partition| queue(&topic, partition));
    let all = [a.clone(), b.clone(), c.clone()];
    assert!(log.committed(&group, &all).await.expect("answers").is_empty());
    log.commit(&group, &offsets([(&a, Some(5)), (&b, Some(0))])).await.expect("commits");
    let found = log.committed(&group, &all).await.expect("answers");
    assert_eq!(found, BTreeMap::from([(a.clone(), 5), (b.clone(), 0)]));
    log.commit(&group, &offsets([(&a, None), (&b, Some(3)), (&c, Some(9))]))
        .await
        .expect("commits");
    let found = log.committed(&group, &all).await.expect("answers");
    assert_eq!(found, BTreeMap::from([(b.clone(), 3), (c.clone(), 9)]));
    let found = log.committed(&group, std::slice::from_ref(&c)).await.expect("answers");
    assert_eq!(found, BTreeMap::from([(c, 9)]));
    log.commit(&group, &offsets([(&b, Some(1))])).await.expect("offsets may go back");
    let found = log.committed(&group, std::slice::from_ref(&b)).await.expect("answers");
    assert_eq!(found, BTreeMap::from([(b, 1)]));
}

/// Groups with offsets are listed with them; a deleted group is gone.
pub async fn groups_are_listed_and_deleted(log: AnyLog) {
    let topic = topic(&log, "groups", 1).await;
    let of = queue(&topic, 0);
    let [one, two] = ["one", "two"].map(fresh);
    log.commit(&one, &offsets([(&of, Some(1))])).await.expect("commits");
    log.commit(&two, &offsets([(&of, Some(2))])).await.expect("commits");
    let groups = log.groups().await.expect("answers");
    assert_eq!(groups.get(&one), Some(&BTreeMap::from([(of.clone(), 1)])));
    assert_eq!(groups.get(&two), Some(&BTreeMap::from([(of.clone(), 2)])));
    log.delete_group(&one).await.expect("deletes");
    log.delete_group(&one).await.expect("a group that is gone may be deleted");
    assert!(log.committed(&one, std::slice::from_ref(&of)).await.expect("answers").is_empty());
    log.commit(&two, &offsets([(&of, None)])).await.expect("commits");
    let groups = log.groups().await.expect("answers");
    assert!(!groups.contains_key(&one) && !groups.contains_key(&two), "{groups:?}");
}

/// An offset for a queue that is not there is refused, with all that came along.
pub async fn unknown_queues_are_not_committed(log: AnyLog) {
    let topic = topic(&log, "half-known", 1).await;
    let group = fresh("group");
    let (known, unknown) = (queue(&topic, 0), queue(&topic, 1));
    let refused = log.commit(&group, &offsets([(&known, Some(1)), (&unknown, Some(1))])).await;
    match refused {
        Err(LogError::Unknown(named)) => assert_eq!(named, unknown),
        other => panic!("{other:?}"),
    }
    assert!(log.committed(&group, &[known, unknown]).await.expect("answers").is_empty());
}

/// With a topic go the offsets committed for it, and only these.
pub async fn deleting_a_topic_removes_its_commits(log: AnyLog) {
    let (gone, stays) = (topic(&log, "gone", 1).await, topic(&log, "stays", 1).await);
    let group = fresh("group");
    let (a, b) = (queue(&gone, 0), queue(&stays, 0));
    log.commit(&group, &offsets([(&a, Some(1)), (&b, Some(2))])).await.expect("commits");
    log.delete_topic(&gone).await.expect("deletes");
    let left = BTreeMap::from([(b, 2)]);
    eventually("the offset is gone", || async {
        log.groups().await.expect("answers").get(&group) == Some(&left)
    })
    .await;
}
