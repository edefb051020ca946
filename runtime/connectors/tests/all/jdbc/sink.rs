//! The sink's modes.

use std::sync::Arc;

use gantry_api::model::logical::{date, decimal, time, timestamp};
use gantry_api::{
    Datum, Error, Schema, SchemaBuilder, SinkOffset, Struct, TaskEpoch, TopicPartition, Value,
};

use super::Database;
use super::harness::{SINK, Sink, Stored, block, column, errors, props, read, source_props};

type Pair = (Datum, Datum);

fn schema(fields: Vec<(&str, Schema)>) -> Schema {
    let fields = fields.into_iter().map(|(name, schema)| (name.into(), schema)).collect();
    SchemaBuilder::structure(fields).unwrap().build().unwrap()
}

fn data(schema: &Schema, values: Vec<Value>) -> Datum {
    Datum::new(schema.clone(), Value::Struct(Arc::new(Struct::from_values(schema.clone(), values))))
}

fn people() -> Schema {
    schema(vec![("id", Schema::int32()), ("name", Schema::optional_string())])
}

fn person(id: i32, name: &str) -> Datum {
    data(&people(), vec![Value::Int32(id), Value::str(name)])
}

fn key(id: i32) -> Datum {
    Datum::new(Schema::int32(), Value::Int32(id))
}

fn keyed(id: i32, name: &str) -> Pair {
    (key(id), person(id, name))
}

fn by_key(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut keys = vec![
        ("pk.mode", "record_key"),
        ("pk.fields", "id"),
        ("auto.create", "true"),
        ("retry.backoff.ms", "10"),
        ("connection.backoff.ms", "10"),
    ];
    keys.extend_from_slice(more);
    keys
}

pub(crate) fn tables_are_made_and_grow(database: &Database) {
    let keys =
        [("auto.create", "true"), ("table.name.format", "of_${topic}"), ("max.retries", "0")];
    let nulls = |value: &Value| {
        Datum::new(
            schema(vec![("a", Schema::string())]),
            Value::Struct(Arc::new(Struct::from_values(
                schema(vec![("a", Schema::string())]),
                vec![value.clone()],
            ))),
        )
    };
    block(async {
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        sink.put("t", vec![(Datum::NULL, person(1, "a")), (Datum::NULL, person(2, "it's"))])
            .await
            .unwrap();
        let found = database.rows("SELECT id, name FROM of_t ORDER BY id");
        assert_eq!(found, [["1", "a"], ["2", "it's"]]);
        // A field more: not without auto.evolve, and not if it cannot be null.
        let more = schema(vec![
            ("id", Schema::int32()),
            ("name", Schema::optional_string()),
            ("age", Schema::optional_int64()),
        ]);
        let older = |age| data(&more, vec![Value::Int32(3), Value::Null, age]);
        let error = sink.put("t", vec![(Datum::NULL, older(Value::Int64(7)))]).await;
        // It goes to the dead letter queue.
        assert!(error.is_ok());
        let errant = sink.context.take_errant();
        assert!(
            errant[0].error.message().contains("auto-evolution is disabled"),
            "{}",
            errant[0].error
        );
        assert!(
            errant[0]
                .error
                .message()
                .contains("SinkRecordField{schema=Schema{INT64}, name='age', isPrimaryKey=false}")
        );
        let mut evolving = keys.to_vec();
        evolving.push(("auto.evolve", "true"));
        let mut sink = Sink::start(&props(database, &evolving)).await.unwrap();
        sink.put("t", vec![(Datum::NULL, older(Value::Int64(7)))]).await.unwrap();
        assert_eq!(database.rows("SELECT name, age FROM of_t WHERE id = 3"), [["NULL", "7"]]);
        let must = schema(vec![("must", Schema::int32())]);
        sink.put("t", vec![(Datum::NULL, data(&must, vec![Value::Int32(1)]))]).await.unwrap();
        let errant = sink.context.take_errant();
        assert!(
            errant[0].error.message().contains("is not optional and does not have a default value"),
            "{}",
            errant[0].error
        );
        let mut closed = Sink::start(&props(database, &[("max.retries", "0")])).await.unwrap();
        closed.put("absent", vec![(Datum::NULL, nulls(&Value::str("x")))]).await.unwrap();
        let errant = closed.context.take_errant();
        assert!(
            errant[0].error.message().ends_with("is missing and auto-creation is disabled"),
            "{}",
            errant[0].error
        );
    });
}

pub(crate) fn rows_are_replaced_and_deleted(database: &Database) {
    let keys = by_key(&[("insert.mode", "upsert"), ("delete.enabled", "true")]);
    let tombstone = |id| (key(id), Datum::NULL);
    block(async {
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        // One key several times, and gone and back, within one batch.
        sink.put(
            "t",
            vec![
                keyed(1, "a"),
                keyed(2, "b"),
                keyed(1, "c"),
                keyed(3, "d"),
                tombstone(3),
                tombstone(2),
                keyed(2, "e"),
                keyed(1, "f"),
                keyed(4, "g"),
                tombstone(9),
            ],
        )
        .await
        .unwrap();
        let found = database.rows("SELECT id, name FROM t ORDER BY id");
        assert_eq!(found, [["1", "f"], ["2", "e"], ["4", "g"]]);
        let many: Vec<Pair> = (0..3000).map(|at| keyed(at % 1000, &format!("n{at}"))).collect();
        sink.put("t", many).await.unwrap();
        assert_eq!(
            database.rows("SELECT count(*), min(name), max(name) FROM t"),
            [["1000", "n2000", "n2999"]]
        );
        sink.put("t", (0..1000).map(tombstone).collect()).await.unwrap();
        assert_eq!(database.rows("SELECT count(*) FROM t"), [["0"]]);
    });
}

pub(crate) fn primary_keys_of_each_mode(database: &Database) {
    block(async {
        let keys = [("pk.mode", "kafka"), ("auto.create", "true"), ("insert.mode", "upsert")];
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        let records = sink
            .records("placed", vec![(Datum::NULL, person(1, "a")), (Datum::NULL, person(1, "b"))]);
        sink.task.put(&records).await.unwrap();
        sink.task.put(&records).await.unwrap();
        let found = database.rows("SELECT __connect_topic, __connect_partition, __connect_offset, name FROM placed ORDER BY 3");
        assert_eq!(found, [["placed", "0", "0", "a"], ["placed", "0", "1", "b"]]);

        let keys = [
            ("pk.mode", "record_value"),
            ("pk.fields", "id"),
            ("auto.create", "true"),
            ("insert.mode", "upsert"),
            ("fields.whitelist", "name"),
        ];
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        sink.put("valued", vec![(Datum::NULL, person(1, "a")), (Datum::NULL, person(1, "b"))])
            .await
            .unwrap();
        assert_eq!(database.rows("SELECT id, name FROM valued"), [["1", "b"]]);

        // A key of two fields, one of them text.
        let of = schema(vec![("shop", Schema::string()), ("no", Schema::int64())]);
        let placed = |shop: &str, no| data(&of, vec![Value::str(shop), Value::Int64(no)]);
        let keys = [
            ("pk.mode", "record_key"),
            ("auto.create", "true"),
            ("insert.mode", "upsert"),
            ("delete.enabled", "true"),
        ];
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        sink.put(
            "two",
            vec![
                (placed("x", 1), person(1, "a")),
                (placed("x", 2), person(2, "b")),
                (placed("x", 1), person(3, "c")),
                (placed("y", 1), person(4, "d")),
                (placed("x", 2), Datum::NULL),
            ],
        )
        .await
        .unwrap();
        assert_eq!(
            database.rows("SELECT shop, no, name FROM two ORDER BY 1, 2"),
            [["x", "1", "c"], ["y", "1", "d"]]
        );
    });
}

pub(crate) fn rows_are_changed(database: &Database) {
    database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20)); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    let keys = [("pk.mode", "record_key"), ("pk.fields", "id"), ("insert.mode", "update")];
    block(async {
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        sink.put("t", vec![keyed(2, "z"), keyed(3, "no")]).await.unwrap();
        assert_eq!(database.rows("SELECT id, name FROM t ORDER BY id"), [["1", "a"], ["2", "z"]]);
    });
}

async fn refused(database: &Database, keys: &[(&str, &str)], pair: Pair) -> Error {
    let mut sink = Sink::start(&props(database, keys)).await.unwrap();
    sink.put("t", vec![pair]).await.unwrap_err()
}

pub(crate) fn records_that_do_not_fit(database: &Database) {
    let keys = by_key(&[]);
    block(async {
        let error = refused(database, &keys, (Datum::NULL, person(1, "a"))).await;
        assert_eq!(
            error.message(),
            "Sink connector 'c' is configured with 'delete.enabled=false' and 'pk.mode=record_key' and therefore requires \
             records with a non-null key and non-null Struct or primitive key schema, but found record at \
             (topic='t',partition=0,offset=0,timestamp=1) with a null key and null key schema."
        );
        let error = refused(database, &keys, (key(1), Datum::NULL)).await;
        assert!(error.message().ends_with("with a null value and null value schema."), "{error}");
        let mut none = keys.clone();
        none[1] = ("pk.fields", "");
        let error = refused(database, &none, keyed(1, "a")).await;
        assert!(error.message().starts_with("Need exactly one PK column defined"), "{error}");
        let other = [("pk.mode", "record_value"), ("pk.fields", "no"), ("auto.create", "true")];
        let error = refused(database, &other, keyed(1, "a")).await;
        assert!(
            error.message().ends_with("but record value schema does not contain field: no"),
            "{error}"
        );
        let error =
            refused(database, &[("insert.mode", "upsert"), ("auto.create", "true")], keyed(1, "a"))
                .await;
        assert!(
            error.message().contains("in UPSERT mode requires key field names to be known"),
            "{error}"
        );
    });
    let found = errors(SINK, &props(database, &[("delete.enabled", "true")]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().all(|(_, text)| text == "Deletes are only supported for pk.mode record_key")
    );
    let found = errors(
        SINK,
        &props(database, &[("insert.mode", "replace"), ("connection.url", "jdbc:oracle:thin:@x")]),
    );
    assert!(found[0].0 == "insert.mode" && found[0].1.contains("Invalid enumerator"), "{found:?}");
    let found = errors(SINK, &props(database, &[("connection.url", "jdbc:oracle:thin:@x")]));
    assert!(found[0].1.contains("plugin.path"), "{found:?}");
}

pub(crate) fn what_the_database_refuses(database: &Database) {
    database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20), CHECK (id < 10))");
    let retries = [
        ("max.retries", "1"),
        ("retry.backoff.ms", "10"),
        ("pk.mode", "record_key"),
        ("pk.fields", "id"),
    ];
    block(async {
        let mut sink = Sink::start(&props(database, &retries)).await.unwrap();
        let records = sink.records("t", vec![keyed(1, "a"), keyed(50, "too much"), keyed(2, "b")]);
        let error = sink.task.put(&records).await.unwrap_err();
        assert!(error.is_retriable(), "{error}");
        assert_eq!(database.rows("SELECT count(*) FROM t"), [["0"]], "none of it is there");
        sink.task.put(&records).await.unwrap();
        assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), [["1"], ["2"]]);
        let errant = sink.context.take_errant();
        assert_eq!(errant.len(), 1);
        assert_eq!(errant[0].record.offset, 1);
        let mut sink = Sink::start_as(
            "io.aiven.connect.jdbc.JdbcSinkConnector",
            &props(database, &[("max.retries", "0")]),
            TaskEpoch::default(),
        )
        .await
        .unwrap();
        let error = sink.put("t", vec![keyed(60, "x")]).await.unwrap_err();
        assert!(!error.is_retriable());
        assert!(error.trace().contains("java.sql.SQLException"), "{}", error.trace());
    });
}

pub(crate) fn offsets_beside_the_rows(database: &Database) {
    let keys = [("auto.create", "true"), ("gantry.offsets.table", "offsets"), ("max.retries", "0")];
    let queue = TopicPartition::new("t", 0);
    let at = |offset| vec![(queue.clone(), Some(SinkOffset::new(offset)))];
    block(async {
        let config = props(database, &keys);
        let epoch = |claim| TaskEpoch { generation: 1, claim };
        let mut former = Sink::start_as(SINK, &config, epoch(1)).await.unwrap();
        former.task.open(&at(0)).await.unwrap();
        former
            .put("t", vec![(Datum::NULL, person(1, "a")), (Datum::NULL, person(2, "b"))])
            .await
            .unwrap();
        assert_eq!(
            database.rows("SELECT topic, queue, next_offset FROM offsets"),
            [["t", "0", "2"]]
        );
        // The offsets that were committed are older: it goes on where the table says.
        let mut next = Sink::start_as(SINK, &config, epoch(2)).await.unwrap();
        next.task.open(&at(0)).await.unwrap();
        assert_eq!(next.context.take_requests().rewind.get(&queue), Some(&2));
        let records = next.records(
            "t",
            vec![
                (Datum::NULL, person(1, "a")),
                (Datum::NULL, person(2, "b")),
                (Datum::NULL, person(3, "c")),
            ],
        );
        next.task.put(&records).await.unwrap();
        assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), [["1"], ["2"], ["3"]]);
        // The former one is shut out.
        let error = former.put("t", vec![(Datum::NULL, person(9, "z"))]).await.unwrap_err();
        assert!(error.message().contains("Another task"), "{error}");
        assert_eq!(database.rows("SELECT count(*) FROM t"), [["3"]]);
        assert_eq!(database.rows("SELECT next_offset FROM offsets"), [["3"]]);
    });
}

/// All types, there and back.
pub(crate) fn what_is_written_is_read_again(database: &Database) {
    let all = schema(vec![
        ("id", Schema::int64()),
        ("small", Schema::optional_int16()),
        ("real", Schema::optional_float64()),
        ("flag", Schema::optional_boolean()),
        ("text", Schema::optional_string()),
        ("raw", Schema::optional_bytes()),
        ("price", decimal(2).optional().build().unwrap()),
        ("day", date().optional().build().unwrap()),
        ("clock", time().optional().build().unwrap()),
        ("moment", timestamp().optional().build().unwrap()),
    ]);
    let leap = 19_782 * 86_400_000;
    let row = data(
        &all,
        vec![
            Value::Int64(1),
            Value::Int16(-7),
            Value::Float64(0.25),
            Value::Boolean(true),
            Value::str("zwölf \u{1f600} '\\"),
            Value::Bytes(vec![0, 255, 39].into()),
            Value::Decimal(Arc::new("-12.30".parse().unwrap())),
            Value::Date(leap),
            Value::Date(45_296_789),
            Value::Date(leap + 86_399_999),
        ],
    );
    let nulls = data(&all, [vec![Value::Int64(2)], vec![Value::Null; 9]].concat());
    block(async {
        let keys = by_key(&[("db.timezone", "America/New_York"), ("date.timezone", "UTC")]);
        let mut keys = keys;
        keys[0] = ("pk.mode", "record_value");
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        sink.put("t", vec![(Datum::NULL, row), (Datum::NULL, nulls)]).await.unwrap();
        let zone = [
            ("mode", "incrementing"),
            ("incrementing.column.name", "id"),
            ("db.timezone", "America/New_York"),
        ];
        let offsets = Arc::new(Stored::default());
        let records = read(&source_props(database, &zone), &offsets, 2).await.unwrap();
        let both = |name: &str| column(&records, name);
        assert_eq!(both("small"), ["-7", "null"]);
        assert_eq!(both("real"), ["0.25", "null"]);
        assert_eq!(both("text"), ["zwölf \u{1f600} '\\", "null"]);
        assert_eq!(both("raw"), [r#"b"\0\xff'""#, "null"]);
        if database.is_sqlite() {
            return;
        }
        assert!(["true", "1"].contains(&both("flag")[0].as_str()));
        let price = both("price")[0].trim_end_matches('0').to_owned();
        assert_eq!(price, "-12.3");
        assert_eq!(both("day"), [leap.to_string(), "null".to_owned()]);
        assert_eq!(both("moment"), [(leap + 86_399_999).to_string(), "null".to_owned()]);
    });
}

/// Rows of 4 MiB, many in one put: neither the statement nor the batches grow beyond bounds.
pub(crate) fn large_rows(database: &Database) {
    let kind = if database.is_mysql() { "LONGTEXT" } else { "TEXT" };
    database.run(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, name {kind})"));
    let text = "0123456789abcdef".repeat(1 << 18);
    block(async {
        let mut sink = Sink::start(&props(database, &[])).await.unwrap();
        let rows: Vec<Pair> = (0..5).map(|id| (Datum::NULL, person(id, &text))).collect();
        sink.put("t", rows).await.unwrap();
        let keys = [("mode", "incrementing"), ("incrementing.column.name", "id")];
        let records =
            read(&source_props(database, &keys), &Arc::new(Stored::default()), 5).await.unwrap();
        assert_eq!(column(&records, "id"), ["0", "1", "2", "3", "4"]);
        assert!(column(&records, "name").iter().all(|name| *name == text));
    });
}

pub(crate) fn names_are_no_statements(database: &Database) {
    database.run("CREATE TABLE victim (id INTEGER); INSERT INTO victim VALUES (1)");
    let evil = "a\" INT); DROP TABLE victim; --` INT); DROP TABLE victim; --";
    let of = schema(vec![("id", Schema::int32()), (evil, Schema::optional_string())]);
    let row =
        || (Datum::NULL, data(&of, vec![Value::Int32(1), Value::str("'); DROP TABLE victim; --")]));
    block(async {
        let keys = [("auto.create", "true"), ("max.retries", "0")];
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        // Some databases have no such names: then it goes to the dead letter queue.
        sink.put("t", vec![row()]).await.unwrap();
        let mut bare = keys.to_vec();
        bare.push(("quote.sql.identifiers", "never"));
        let mut sink = Sink::start(&props(database, &bare)).await.unwrap();
        let error = sink.put("u", vec![row()]).await.unwrap_err();
        assert!(error.message().contains("cannot stand in a statement without quotes"), "{error}");
    });
    assert_eq!(database.rows("SELECT id FROM victim"), [["1"]]);
}

pub(crate) fn schemas_that_alternate(database: &Database) {
    let more = schema(vec![
        ("id", Schema::int32()),
        ("name", Schema::optional_string()),
        ("age", Schema::optional_int32()),
    ]);
    let keys = by_key(&[("insert.mode", "upsert"), ("auto.evolve", "true")]);
    block(async {
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        let rows = (0..40).map(|at| match at % 2 {
            0 => keyed(at % 10, &format!("n{at}")),
            _ => (
                key(at % 10),
                data(&more, vec![Value::Int32(at % 10), Value::Null, Value::Int32(at)]),
            ),
        });
        sink.put("t", rows.collect()).await.unwrap();
        let found = database.rows("SELECT id, name, age FROM t WHERE id < 2 ORDER BY id");
        assert_eq!(found, [["0", "n30", "NULL"], ["1", "NULL", "31"]]);
    });
}

/// What a batch of several records says in the log of a task that keeps offsets.
pub(crate) fn topics_made_anew(database: &Database) {
    let keys = [("auto.create", "true"), ("gantry.offsets.table", "offsets"), ("name", "c")];
    let queue = TopicPartition::new("t", 0);
    block(async {
        let config = props(database, &keys);
        let mut sink = Sink::start(&config).await.unwrap();
        sink.task.open(&[(queue.clone(), None)]).await.unwrap();
        sink.put("t", (0..5).map(|id| (Datum::NULL, person(id, "a"))).collect()).await.unwrap();
        assert_eq!(database.rows("SELECT next_offset FROM offsets"), [["5"]]);
        // A user sets another offset: it counts beside the rows, too.
        let mut running = crate::jdbc::harness::connector(SINK, &config).await.unwrap();
        let partition = serde_json::json!({"kafka_topic": "t", "kafka_partition": 0});
        let offset = serde_json::json!({"kafka_offset": 2});
        let map = |json: &serde_json::Value| json.as_object().unwrap().clone();
        let change = [(map(&partition), Some(map(&offset)))];
        assert!(running.connector.alter_offsets(&config, &change).await.unwrap());
        assert_eq!(database.rows("SELECT next_offset FROM offsets"), [["2"]]);
        let mut sink = Sink::start(&config).await.unwrap();
        sink.task.open(&[(queue.clone(), Some(SinkOffset::new(5)))]).await.unwrap();
        assert_eq!(sink.context.take_requests().rewind.get(&queue), Some(&2));
        let change = [(map(&partition), None)];
        assert!(running.connector.alter_offsets(&config, &change).await.unwrap());
        assert_eq!(database.rows("SELECT count(*) FROM offsets"), [["0"]]);
    });
}

pub(crate) fn refused_records_and_offsets(database: &Database) {
    database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20), CHECK (id < 10))");
    let keys = [
        ("max.retries", "0"),
        ("pk.mode", "record_key"),
        ("pk.fields", "id"),
        ("gantry.offsets.table", "offsets"),
    ];
    let queue = TopicPartition::new("t", 0);
    block(async {
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        sink.task.open(&[(queue, None)]).await.unwrap();
        let rows = vec![keyed(1, "a"), keyed(50, "b"), keyed(2, "c"), keyed(60, "d")];
        sink.put("t", rows).await.unwrap();
        let errant: Vec<u64> =
            sink.context.take_errant().iter().map(|one| one.record.offset).collect();
        assert_eq!(errant, [1, 3]);
        assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), [["1"], ["2"]]);
        assert_eq!(database.rows("SELECT next_offset FROM offsets"), [["4"]]);
    });
}

/// Where offsets cannot be read any more, no record counts as written or goes to the dead letter queue.
pub(crate) fn offsets_that_cannot_be_kept(database: &Database) {
    database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20), CHECK (id < 10))");
    let keys = [
        ("max.retries", "1"),
        ("retry.backoff.ms", "10"),
        ("pk.mode", "record_key"),
        ("pk.fields", "id"),
        ("gantry.offsets.table", "offsets"),
    ];
    let queue = TopicPartition::new("t", 0);
    block(async {
        let mut sink = Sink::start(&props(database, &keys)).await.unwrap();
        sink.task.open(&[(queue, None)]).await.unwrap();
        let records = sink.records("t", vec![keyed(1, "a"), keyed(50, "b")]);
        assert!(sink.task.put(&records).await.unwrap_err().is_retriable());
        database.run("DROP TABLE offsets; CREATE TABLE offsets (other INTEGER)");
        let error = sink.task.put(&records).await.unwrap_err();
        assert!(!error.is_retriable(), "{error}");
        assert!(sink.context.take_errant().is_empty());
        assert_eq!(database.rows("SELECT count(*) FROM t"), [["0"]]);
    });
}
