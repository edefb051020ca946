//! Directories as Java's partitioners name them.

use gantry_api::model::{ConnectRecord, MapValue};
use gantry_api::{Datum, SchemaBuilder, Struct, TimestampType, TopicPartition};

use super::*;

fn record(value: Datum, timestamp_ms: Option<i64>) -> SinkRecord {
    let mut record = ConnectRecord::new("t".into(), value);
    record.timestamp_ms = timestamp_ms;
    SinkRecord {
        record,
        origin: TopicPartition::new("t", 7),
        offset: 3,
        timestamp_type: TimestampType::CreateTime,
    }
}

fn place(how: Partitioner, record: &SinkRecord) -> Result<String> {
    let of = Partitioning { how, delimiter: "/".into(), affix: Affix::None, tombstones: None };
    let mut out = String::new();
    let timestamp = of.timestamp(record, 0)?;
    of.encode(record, timestamp, &mut LastSpan::default(), &mut out)?;
    Ok(out)
}

fn time(pattern: &str, zone: &str, span_ms: i64) -> Partitioner {
    Partitioner::Time(TimePartitioner {
        span_ms,
        pattern: Pattern::parse(pattern).unwrap(),
        zone: Zone::parse(zone).unwrap(),
        extractor: Extractor::Record,
    })
}

#[test]
fn by_queue_and_by_fields() {
    let inner = SchemaBuilder::structure(vec![("city".into(), Schema::optional_string())]).unwrap();
    let schema = SchemaBuilder::structure(vec![
        ("n".into(), Schema::int32()),
        ("ok".into(), Schema::boolean()),
        ("at".into(), inner.build().unwrap()),
    ])
    .unwrap()
    .build()
    .unwrap();
    let mut at = Struct::new(schema.field("at").unwrap().schema.clone()).unwrap();
    at.put("city", Value::str("Brno")).unwrap();
    let mut value = Struct::new(schema.clone()).unwrap();
    value.put("n", Value::Int32(-4)).unwrap();
    value.put("ok", Value::Boolean(true)).unwrap();
    value.put("at", Value::Struct(at.into())).unwrap();
    let given = record(Datum::new(schema, Value::Struct(value.into())), None);
    assert_eq!(place(Partitioner::Default, &given).unwrap(), "partition=7");
    let fields =
        |names: &[&str]| Partitioner::Field(names.iter().map(|&name| name.into()).collect());
    assert_eq!(
        place(fields(&["n", "ok", "at.city"]), &given).unwrap(),
        "n=-4/ok=true/at.city=Brno"
    );
    assert!(
        place(fields(&["zip"]), &given).unwrap_err().message().contains("'zip' is not present")
    );
    assert!(place(fields(&["at"]), &given).is_err());
    assert!(place(fields(&["n"]), &record(Datum::schemaless(Value::str("x")), None)).is_err());
}

#[test]
fn by_time() {
    let at = record(Datum::schemaless(Value::str("x")), Some(1_700_003_599_123));
    let all = "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH";
    let of = |pattern, zone, span| place(time(pattern, zone, span), &at).unwrap();
    assert_eq!(of(all, "UTC", 3_600_000), "year=2023/month=11/day=14/hour=23");
    assert_eq!(of(all, "Europe/Berlin", 3_600_000), "year=2023/month=11/day=15/hour=00");
    assert_eq!(of(all, "-05:30", 86_400_000), "year=2023/month=11/day=14/hour=00");
    assert_eq!(of("yy-M-d''EEE MMM SS z Z ZZ", "UTC", 1), "23-11-14'Tue Nov 12 UTC +0000 +00:00");
    assert_eq!(of("xxxx-'W'ww-e D K h k a", "UTC", 1), "2023-W46-2 318 11 11 23 PM");
    let nothing = record(Datum::schemaless(Value::str("x")), None);
    assert!(place(time(all, "UTC", 1), &nothing).is_err());
    assert!(Pattern::parse("yyyy/b").is_err());
    assert!(Zone::parse("Moon/Base").is_err());
}

#[test]
fn by_the_time_of_a_field() {
    let mut map = MapValue::with_capacity(2);
    map.insert(Value::str("ts"), Value::Int64(1_700_000_000_000));
    let given = record(Datum::schemaless(Value::map(map)), None);
    let of = |field: &str| {
        let mut how = time("yyyy", "UTC", 1);
        if let Partitioner::Time(time) = &mut how {
            time.extractor = Extractor::by_name("RecordField", field).unwrap();
        }
        place(how, &given)
    };
    assert_eq!(of("ts").unwrap(), "2023");
    assert!(of("tz").unwrap_err().message().contains("tz"));
}

#[test]
fn rotation_is_on_the_clock() {
    let zone = Zone::parse("Europe/Berlin").unwrap();
    // 23:13:20 there: 83,600 seconds after midnight.
    assert_eq!(zone.next_multiple(1_700_000_000_000, 1_500_000), Some(1_700_000_400_000));
    assert_eq!(zone.next_multiple(1_700_000_000_000, 10_000_000), Some(1_700_002_800_000));
}
