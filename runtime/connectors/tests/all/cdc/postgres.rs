//! PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::{Props, SourceRecord, Value};
use postgres::{Client, NoTls};

use crate::jdbc::harness::{Source, Stored, block, errors, value};

const CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";

/// A schema, slot and publication of a test's own.
struct Place {
    name: &'static str,
    url: String,
    client: std::sync::Mutex<Client>,
}

impl Place {
    /// Made anew, with a table of some rows.
    fn new(name: &'static str) -> Self {
        let url = std::env::var("GANTRY_TEST_POSTGRES")
            .expect("GANTRY_TEST_POSTGRES: tests/native/jdbc.py sets it");
        let client = Client::connect(&url, NoTls).expect("a connection");
        let place = Self { name, url, client: std::sync::Mutex::new(client) };
        place.drop_slot();
        place.sql(&format!(
            "DROP PUBLICATION IF EXISTS {name}; DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}; \
             SET search_path TO {name}; CREATE TABLE t (id int PRIMARY KEY, a text, n numeric(10,2)); \
             INSERT INTO t SELECT n, 'row' || n, n FROM generate_series(1, 3) n"
        ));
        place
    }

    /// On a thread of its own: the client blocks in a way that threads of the runtime do not allow.
    fn ask<T: Send>(&self, ask: impl FnOnce(&mut Client) -> T + Send) -> T {
        std::thread::scope(|scope| {
            scope.spawn(|| ask(&mut self.client.lock().unwrap())).join().expect("an answer")
        })
    }

    fn sql(&self, sql: &str) {
        self.ask(|client| client.batch_execute(sql).expect(sql));
    }

    fn text(&self, sql: &str) -> String {
        self.ask(|client| client.query_one(sql, &[]).expect(sql).get(0))
    }

    fn drop_slot(&self) {
        let sql = format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{}'",
            self.name
        );
        for _ in 0..50 {
            if self.ask(|client| client.batch_execute(&sql).is_ok()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the slot is in use");
    }

    fn props(&self, more: &[(&str, &str)]) -> Props {
        let (_, rest) = self.url.split_once("://").unwrap();
        let (login, place) = rest.split_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let (host, database) = place.split_once('/').unwrap();
        let (host, port) = host.split_once(':').unwrap();
        let tables = format!("{}.*", self.name);
        let own = [
            ("name", "c"),
            ("connector.class", CLASS),
            ("topic.prefix", "p"),
            ("database.hostname", host),
            ("database.port", port),
            ("database.user", user),
            ("database.password", password),
            ("database.dbname", database),
            ("plugin.name", "pgoutput"),
            ("slot.name", self.name),
            ("publication.name", self.name),
            ("publication.autocreate.mode", "filtered"),
            ("table.include.list", &tables),
            ("slot.retry.delay.ms", "100"),
            ("slot.max.retries", "50"),
            ("retriable.restart.connector.wait.ms", "100"),
        ];
        own.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    async fn start(&self, offsets: &Arc<Stored>, more: &[(&str, &str)]) -> Source {
        Source::start(CLASS, &self.props(more), offsets).await.expect("a task")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.drop_slot();
        }
    }
}

/// Key, kind and new text of a record, in short.
fn short(record: &SourceRecord) -> String {
    let key = match &record.record.key.value {
        Value::Struct(key) => format!("{:?}", key.values()),
        other => format!("{other:?}"),
    };
    if record.record.value.value.is_null() {
        return format!("{key} tombstone");
    }
    let envelope = value(record);
    let after = match envelope.raw("after").unwrap() {
        Value::Struct(after) => format!("{:?}", after.values()),
        _ => "none".to_owned(),
    };
    format!("{key} {} {after}", envelope.raw("op").unwrap().as_str().unwrap())
}

fn shorts(records: &[SourceRecord]) -> Vec<String> {
    records.iter().map(short).collect()
}

fn at(record: &SourceRecord) -> Arc<Stored> {
    let stored = Arc::new(Stored::default());
    stored.keep(record);
    stored
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn it_goes_on_behind_each_record() {
    let place = Place::new("cdc_resume");
    let new = Arc::new(Stored::default());
    let (all, count) = block(async {
        let mut source = place.start(&new, &[]).await;
        let mut all = source.take(3).await.unwrap();
        place.sql("INSERT INTO t SELECT n, 'many', 0 FROM generate_series(10, 14) n");
        place.sql("BEGIN; UPDATE t SET a = 'u' WHERE id = 1; DELETE FROM t WHERE id = 2; UPDATE t SET id = 20 WHERE id = 3; COMMIT");
        place.sql("TRUNCATE t; INSERT INTO t VALUES (30, 'last', 1)");
        let count = 5 + 1 + 2 + 3 + 1;
        all.extend(source.take(count).await.unwrap());
        (all, count)
    });
    assert_eq!(all.len(), 3 + count, "{:#?}", shorts(&all));
    for cut in 0..all.len() {
        // Records of one change come in one batch, which is written as one.
        let is_within =
            all.get(cut + 1).is_some_and(|next| cut > 2 && next.offset == all[cut].offset);
        if is_within {
            continue;
        }
        let found = block(async {
            let mut source = place.start(&at(&all[cut]), &[]).await;
            if cut + 1 == all.len() {
                place.sql("INSERT INTO t VALUES (40, 'more', 1)");
                return source.take(1).await.unwrap();
            }
            // Within a snapshot it begins again, with the rows as they are now.
            let more = if cut < 2 { 1 + count } else { all.len() - cut - 1 };
            source.take(more).await.unwrap()
        });
        let expected = match cut {
            0 | 1 => {
                let mut expected = vec![short(&all[all.len() - 1]).replace(" c ", " r ")];
                expected.extend(shorts(&all[3..]));
                expected
            }
            _ if cut + 1 == all.len() => vec![short(&found[0])],
            _ => shorts(&all[cut + 1..]),
        };
        assert_eq!(shorts(&found), expected, "behind record {cut}: {}", short(&all[cut]));
    }
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn a_slot_that_is_gone_is_said_or_made_anew() {
    let place = Place::new("cdc_gone");
    let stored = Arc::new(Stored::default());
    block(async {
        let mut source = place.start(&stored, &[]).await;
        source.take(3).await.unwrap().iter().for_each(|record| stored.keep(record));
    });
    place.drop_slot();
    block(async {
        let mut source = place.start(&stored, &[]).await;
        let error = source.one().await.unwrap_err();
        let text = format!("{} {}", error, error.cause().unwrap());
        for part in ["no longer available on the server", "cdc_gone", "snapshot.mode=when_needed"] {
            assert!(text.contains(part), "{text}");
        }
        let mut source = place.start(&stored, &[("snapshot.mode", "when_needed")]).await;
        let again = source.take(3).await.unwrap();
        assert!(shorts(&again).iter().all(|text| text.contains(" r ")), "{:#?}", shorts(&again));
    });
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn what_is_wrong_is_said() {
    let place = Place::new("cdc_wrong");
    let with = |more: &[(&str, &str)]| errors(CLASS, &place.props(more));
    assert_eq!(with(&[]), []);
    let one = |more: &[(&str, &str)], key: &str, part: &str| {
        let found = with(more);
        assert!(
            found.iter().any(|(name, text)| name == key && text.contains(part)),
            "{more:?}: {found:?}"
        );
        assert!(!format!("{found:?}").contains("wrong-secret"), "{found:?}");
    };
    one(
        &[("database.password", "wrong-secret")],
        "database.hostname",
        "password authentication failed",
    );
    one(&[("database.port", "1")], "database.hostname", "Connection to 127.0.0.1:1 refused");
    one(&[("database.dbname", "nowhere")], "database.hostname", "does not exist");
    one(&[("topic.prefix", "")], "topic.prefix", "A value is required");
    one(
        &[("table.exclude.list", "a.b")],
        "table.exclude.list",
        "\"table.include.list\" is already specified",
    );
    one(
        &[("table.include.list", "a(")],
        "table.include.list",
        "A comma-separated list of valid regular expressions",
    );
    one(&[("snapshot.mode", "sometimes")], "snapshot.mode", "Value must be one of");
    one(&[("slot.name", "No!")], "slot.name", "Valid replication slot name");
    one(&[("converters", "c")], "converters", "converters in Java cannot run here");
    one(
        &[("signal.enabled.channels", "source,kafka")],
        "signal.enabled.channels",
        "signal.data.collection",
    );
    one(&[("message.key.columns", "x")], "message.key.columns", "has an invalid format");
    one(&[("skipped.operations", "x")], "skipped.operations", "Invalid operation");
    block(async {
        let stored = Arc::new(Stored::default());
        let mut source = place.start(&stored, &[("publication.autocreate.mode", "disabled")]).await;
        let error = source.one().await.unwrap_err();
        let text = error.cause().unwrap().message();
        assert!(text.contains("Publication autocreation is disabled"), "{text}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn tables_change_while_they_are_read() {
    let place = Place::new("cdc_tables");
    block(async {
        let mut source = place.start(&Arc::new(Stored::default()), &[]).await;
        source.take(3).await.unwrap();
        let mut next = async |sql: &str| {
            place.sql(sql);
            let records = source.take(1).await.unwrap();
            shorts(&records)
        };
        let found =
            next("ALTER TABLE t ADD COLUMN b int DEFAULT 7; INSERT INTO t VALUES (4, 'x', 1)")
                .await;
        assert!(found[0].contains("Int32(7)"), "{found:?}");
        let found = next("ALTER TABLE t DROP COLUMN a, ALTER COLUMN n TYPE double precision; INSERT INTO t VALUES (5, 1.5, 8)").await;
        assert_eq!(found, ["[Int32(5)] c [Int32(5), Float64(1.5), Int32(8)]"]);
        let found = next("DROP TABLE t; CREATE TABLE t (id bigint PRIMARY KEY); ALTER PUBLICATION cdc_tables ADD TABLE t; INSERT INTO t VALUES (6)").await;
        assert_eq!(found, ["[Int64(6)] c [Int64(6)]"]);
        place.sql("ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE t DROP CONSTRAINT t_pkey");
        let found = next("INSERT INTO t VALUES (7)").await;
        assert_eq!(found, ["Null c [Int64(7)]"]);
        let found = next("UPDATE t SET id = 8 WHERE id = 7").await;
        assert_eq!(found, ["Null u [Int64(8)]"]);
    });
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn large_rows_and_what_is_not_sent_of_them() {
    let place = Place::new("cdc_large");
    block(async {
        let mut source = place.start(&Arc::new(Stored::default()), &[]).await;
        source.take(3).await.unwrap();
        let big = 4 << 20;
        place.sql(&format!("INSERT INTO t VALUES (4, repeat('x', {big}), 1)"));
        let found = source.take(1).await.unwrap();
        let envelope = value(&found[0]);
        let Value::Struct(after) = envelope.raw("after").unwrap() else { panic!() };
        assert_eq!(after.raw("a").unwrap().as_str().unwrap().len(), big);
        // Random enough that it is stored beside the row.
        place.sql("INSERT INTO t SELECT 5, string_agg(md5(n::text), ''), 1 FROM generate_series(1, 4000) n");
        place.sql("UPDATE t SET n = 2 WHERE id = 5");
        let found = shorts(&source.take(2).await.unwrap());
        assert!(
            found[1].contains("__debezium_unavailable_value"),
            "{}",
            &found[1][..200.min(found[1].len())]
        );
    });
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn a_task_that_takes_nothing_keeps_its_connection() {
    let place = Place::new("cdc_slow");
    let more = [
        ("database.initial.statements", "SET wal_sender_timeout = '1s'"),
        ("status.update.interval.ms", "200"),
        ("max.batch.size", "100"),
    ];
    block(async {
        let mut source = place.start(&Arc::new(Stored::default()), &more).await;
        source.take(3).await.unwrap();
        place
            .sql("INSERT INTO t SELECT n, repeat('y', 2000), 0 FROM generate_series(100, 20099) n");
        let pid =
            "SELECT max(active_pid)::text FROM pg_replication_slots WHERE slot_name = 'cdc_slow'";
        let before = place.text(pid);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let found = source.take(20_000).await.unwrap();
        assert_eq!(found.len(), 20_000);
        assert_eq!(place.text(pid), before, "another connection");
        source.settle(20_003).await.unwrap();
        let moved = format!(
            "SELECT (confirmed_flush_lsn >= '{}'::pg_lsn)::text FROM pg_replication_slots WHERE slot_name = 'cdc_slow'",
            place.text("SELECT pg_current_wal_lsn()::text")
        );
        // Beyond what was read, too: nothing else is of interest here.
        for _ in 0..100 {
            if place.text(&moved) == "true" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(tokio::time::timeout(Duration::from_millis(10), source.one()).await.is_err());
            source.settle(0).await.unwrap();
        }
        panic!("the server must still keep what is safe: {}", place.text("SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = 'cdc_slow'"));
    });
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn a_connection_that_breaks_is_made_again() {
    let place = Place::new("cdc_broken");
    block(async {
        let mut source = place.start(&Arc::new(Stored::default()), &[]).await;
        let mut all = source.take(3).await.unwrap();
        for round in 0..5 {
            let from = 100 + round * 100;
            place.sql(&format!(
                "INSERT INTO t SELECT n, 'b', 0 FROM generate_series({from}, {from} + 99) n"
            ));
            if round % 2 == 0 {
                // In the middle of it, perhaps.
                all.extend(source.take(1).await.unwrap());
            }
            place.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'cdc_broken' AND active");
        }
        let missing = 503 - all.len();
        all.extend(source.take(missing).await.unwrap());
        let mut keys = shorts(&all);
        keys.sort();
        keys.dedup();
        assert_eq!((all.len(), keys.len()), (503, 503));
    });
}

#[test]
#[ignore = "needs a server: tests/native/jdbc.py"]
fn servers_prove_who_they_are() {
    let place = Place::new("cdc_tls");
    let ca = std::env::var("GANTRY_TEST_POSTGRES_CA").expect("GANTRY_TEST_POSTGRES_CA");
    let with = |more: &[(&str, &str)]| errors(CLASS, &place.props(more));
    assert_eq!(with(&[("database.sslmode", "require")]), []);
    assert_eq!(with(&[("database.sslmode", "verify-full"), ("database.sslrootcert", &ca)]), []);
    let refused = with(&[("database.sslmode", "verify-ca")]);
    assert!(format!("{refused:?}").contains("certificate"), "{refused:?}");
    block(async {
        let more = [("database.sslmode", "verify-full"), ("database.sslrootcert", ca.as_str())];
        let mut source = place.start(&Arc::new(Stored::default()), &more).await;
        assert_eq!(source.take(3).await.unwrap().len(), 3);
        place.sql("DELETE FROM t WHERE id = 1");
        assert_eq!(source.take(2).await.unwrap().len(), 2);
    });
}
