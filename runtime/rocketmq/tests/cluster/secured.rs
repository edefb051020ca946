//! A cluster that takes TLS only and checks access keys: `tests/rocketmq/run.sh` starts it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{append, config, name_server, read, text, topic};
use gantry_log::{Log, LogAdmin, LogError, LogGroup, TopicPartition, TopicSpec};
use gantry_rocketmq::{Credentials, RocketmqConfig, RocketmqLog};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Trusts the cluster's CA, or nobody.
fn tls(trusts: bool) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if trusts {
        let cluster = PathBuf::from(std::env::var("GANTRY_TEST_CLUSTER").unwrap());
        roots.add(CertificateDer::from_pem_file(cluster.join("tls/ca.pem")).unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn secured(user: &str, secret: &str) -> RocketmqConfig {
    let credentials = Credentials { access_key: user.into(), secret_key: secret.into() };
    RocketmqConfig {
        tls: Some(tls(true)),
        credentials: Some(credentials),
        ..config(&name_server())
    }
}

fn admin() -> RocketmqLog {
    RocketmqLog::open(secured("admin", "admin-secret"))
}

/// The text of an error that waiting or an administrator can mend.
fn passing(error: LogError) -> String {
    assert!(error.is_retriable(), "{error}");
    let LogError::Unavailable(text) = error else { panic!("{error}") };
    text.to_string()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn the_right_key_over_tls_does_all() {
    let log = admin();
    assert_eq!(log.check().await.unwrap(), ["broker-a".into()]);
    let queue = topic(&log, "secured.all", 2).await.remove(1);
    assert_eq!(append(&log, &queue, vec![text("a"), text("b")]).await.unwrap(), 0);
    assert_eq!(read(&log, &queue, 0, 2).await.len(), 2);
    assert_eq!(log.range(&queue).await.unwrap().next, 2);
    log.commit("secured", &BTreeMap::from([(queue.clone(), Some(2))])).await.unwrap();
    let committed = log.committed("secured", std::slice::from_ref(&queue)).await.unwrap();
    assert_eq!(committed.get(&queue), Some(&2));
    assert!(log.groups().await.unwrap().contains_key("secured"));
    log.delete_group("secured").await.unwrap();
    assert!(log.topics().await.unwrap().contains_key("secured.all"));
    log.delete_topic("secured.all").await.unwrap();
    assert_eq!(log.topic("secured.all").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn a_wrong_key_is_named() {
    let queue = topic(&admin(), "shared-wrong", 1).await.remove(0);
    let unsigned = RocketmqConfig { credentials: None, ..secured("", "") };
    for config in [secured("admin", "wrong"), secured("nobody", "secret"), unsigned] {
        let log = RocketmqLog::open(config);
        let mut texts = vec![
            passing(
                log.create_topic("secured.wrong", TopicSpec::with_queues(1)).await.unwrap_err(),
            ),
            passing(log.topics().await.unwrap_err()),
            passing(log.range(&queue).await.unwrap_err()),
            passing(append(&log, &queue, vec![text("x")]).await.unwrap_err()),
            passing(log.read(&[(queue.clone(), 0)], crate::support::limits()).await.unwrap_err()),
            passing(log.groups().await.unwrap_err()),
            passing(
                log.commit("wrong", &BTreeMap::from([(queue.clone(), Some(0))])).await.unwrap_err(),
            ),
        ];
        texts.sort();
        texts.dedup();
        for text in texts {
            println!("{text}");
            assert!(text.contains("gantry.rocketmq.access.key"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn who_may_write_and_read_need_not_create() {
    let all = admin();
    let queue = topic(&all, "shared.limited", 1).await.remove(0);
    // Reading makes the group that it reads in, which the other may not.
    append(&all, &queue, vec![text("0")]).await.unwrap();
    read(&all, &queue, 0, 1).await;
    let log = RocketmqLog::open(secured("limited", "limited-secret"));
    assert!(log.topic("shared.limited").await.is_ok());
    assert_eq!(append(&log, &queue, vec![text("1")]).await.unwrap(), 1);
    assert_eq!(read(&log, &queue, 0, 2).await.len(), 2);
    assert_eq!(log.range(&queue).await.unwrap().next, 2);

    // It commits in the group that it may read in, and in no other.
    let offsets = BTreeMap::from([(queue.clone(), Some(1))]);
    log.commit("gantry", &offsets).await.unwrap();
    assert_eq!(log.groups().await.unwrap()["gantry"][&queue], 1);
    let denied = passing(log.commit("limited", &offsets).await.unwrap_err());
    assert!(denied.contains("Group:limited"), "{denied}");
    // What it may not look at it does not see.
    let topics = log.topics().await.unwrap();
    assert!(topics.contains_key("shared.limited"), "{topics:?}");
    assert!(topics.keys().all(|name| name.starts_with("shared")), "{topics:?}");

    let denied = log.create_topic("other", TopicSpec::with_queues(1)).await.unwrap_err();
    let denied = passing(denied);
    println!("{denied}");
    assert!(denied.contains("gantry.rocketmq.access.key"), "{denied}");
    assert!(denied.contains("other"), "{denied}");
    let foreign = topic(&all, "other.topic", 1).await.remove(0);
    let denied = passing(append(&log, &foreign, vec![text("x")]).await.unwrap_err());
    assert!(denied.contains("gantry.rocketmq.access.key"), "{denied}");
    let denied = log.read(&[(foreign, 0)], crate::support::limits()).await.unwrap_err();
    assert!(passing(denied).contains("gantry.rocketmq.access.key"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn without_tls_or_trust_the_error_says_so() {
    let trusting = secured("admin", "admin-secret");
    let queue = TopicPartition::new("any", 0);
    for (tls, wanted) in [(Some(tls(false)), "UnknownIssuer"), (None, "TLS")] {
        let log = RocketmqLog::open(RocketmqConfig { tls, ..trusting.clone() });
        let begun = std::time::Instant::now();
        let told = passing(log.range(&queue).await.unwrap_err());
        println!("{told}");
        assert!(told.contains("TLS") && told.contains(wanted), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(4), "it took {:?}", begun.elapsed());
    }
}
