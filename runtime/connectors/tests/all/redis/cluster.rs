//! A cluster of three.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::server::Server;
use super::sink::{pair, start, text};
use super::source::fields;
use super::{CUSTENBORDER, SINK, STREAM};
use crate::jdbc::harness::{Source, Stored, block};
use crate::redis::server::props;

fn cluster() -> Vec<Server> {
    let nodes: Vec<Server> = (0..3).map(|_| Server::with(&["--cluster-enabled", "yes"])).collect();
    for (node, (from, to)) in
        nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")])
    {
        assert_eq!(node.ask(&["CLUSTER", "ADDSLOTSRANGE", from, to]), "OK");
        nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string()]);
    }
    let begun = Instant::now();
    while !nodes.iter().all(|node| node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the cluster does not come together");
        std::thread::sleep(Duration::from_millis(50));
    }
    nodes
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn keys_go_to_where_they_belong_and_follow() {
    let nodes = cluster();
    let count = |nodes: &[Server]| -> u64 {
        nodes.iter().map(|node| node.ask(&["DBSIZE"]).parse::<u64>().unwrap()).sum()
    };
    block(async {
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", nodes[0].port, nodes[1].port);
        let keys = [
            ("redis.hosts", hosts.as_str()),
            ("redis.client.mode", "Cluster"),
            ("redis.operation.timeout.ms", "1500"),
        ];
        let mut sink = start(CUSTENBORDER, &props(&keys)).await;
        let batch = (0..600).map(|at| pair(&format!("k{}", at % 300), &at.to_string())).collect();
        sink.put("t", batch).await.unwrap();
        assert_eq!(count(&nodes), 300);
        let batch = (0..100).map(|at| (text(&format!("k{at}")), gantry_api::Datum::NULL)).collect();
        sink.put("t", batch).await.unwrap();
        assert_eq!(count(&nodes), 200);
        // Part of the first node's slots move to the second: those without keys, so that it is quick.
        let (from, to) = (&nodes[0], &nodes[1]);
        let (from_id, to_id) = (from.ask(&["CLUSTER", "MYID"]), to.ask(&["CLUSTER", "MYID"]));
        for slot in (7..5461).step_by(50).map(|slot: u32| slot.to_string()) {
            if from.ask(&["CLUSTER", "COUNTKEYSINSLOT", &slot]) == "0" {
                to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
                from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
                assert_eq!(to.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]), "OK");
                assert_eq!(from.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]), "OK");
            }
        }
        // A batch may wait for slots that move until its time is over, and is put again then.
        for attempt in 1.. {
            let batch = (1000..4000).map(|at| pair(&format!("k{at}"), "x")).collect();
            match sink.put("t", batch).await {
                Err(error) if error.is_retriable() && attempt < 5 => {}
                done => {
                    done.unwrap();
                    break;
                }
            }
        }
        assert!(sink.context.take_errant().is_empty());
        assert_eq!(count(&nodes), 3200);
        // Redis' own, and a stream that is read again.
        let keys = [("redis.cluster", "true"), ("redis.keyspace", "orders")];
        let mut sink = start(SINK, &nodes[2].props(&keys)).await;
        let value = |text: &str| fields(&[("a", text)]);
        sink.put("t", vec![(text("k"), value("1")), (text("k"), value("2"))]).await.unwrap();
        let keys = [("redis.cluster", "true"), ("redis.stream.name", "orders")];
        let offsets = Arc::new(Stored::default());
        let mut source = Source::start(STREAM, &nodes[0].props(&keys), &offsets).await.unwrap();
        assert_eq!(source.take(2).await.unwrap().len(), 2);
    });
}
