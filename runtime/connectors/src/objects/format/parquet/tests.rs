//! What is written, read by the library's own reader.

use gantry_api::model::{MapValue, logical};
use gantry_api::{Datum, Schema, SchemaBuilder, Str, Struct, Value};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;
use gantry_api::Kind;

fn row_schema() -> Schema {
    let inner = SchemaBuilder::structure(vec![
        ("tags".into(), SchemaBuilder::new(Kind::Array(Schema::string())).build().unwrap()),
        ("note".into(), Schema::optional_string()),
    ])
    .unwrap()
    .optional()
    .build()
    .unwrap();
    let counts = Kind::Map { key: Schema::string(), value: Schema::int64() };
    SchemaBuilder::structure(vec![
        ("id".into(), Schema::int64()),
        ("small".into(), Schema::int8()),
        ("price".into(), logical::decimal(2).optional().build().unwrap()),
        ("at".into(), logical::timestamp().build().unwrap()),
        ("inner".into(), inner),
        ("counts".into(), SchemaBuilder::new(counts).optional().build().unwrap()),
    ])
    .unwrap()
    .name(Some("shop.Row".into()))
    .build()
    .unwrap()
}

fn row(schema: &Schema, id: i64, tags: &[&str]) -> Value {
    let inner_schema = schema.field("inner").unwrap().schema.clone();
    let mut inner = Struct::new(inner_schema).unwrap();
    inner.put("tags", Value::array(tags.iter().map(|tag| Value::str(tag)).collect())).unwrap();
    let mut counts = MapValue::with_capacity(2);
    for at in 0..id % 3 {
        counts.insert(Value::str(&format!("k{at}")), Value::Int64(at));
    }
    let mut row = Struct::new(schema.clone()).unwrap();
    row.put("id", Value::Int64(id)).unwrap();
    row.put("small", Value::Int8(-1)).unwrap();
    row.put("at", Value::Date(1_700_000_000_000 + id)).unwrap();
    row.put("counts", Value::map(counts)).unwrap();
    if id % 2 == 0 {
        row.put("inner", Value::Struct(inner.into())).unwrap();
    }
    Value::Struct(row.into())
}

fn put(file: &mut ParquetFile, schema: &Schema, value: Value) -> gantry_api::Result<()> {
    let topic: Str = "t".into();
    let datum = Datum::new(schema.clone(), value);
    file.stage(Item { topic: &topic, datum: &datum })?;
    file.keep()
}

#[test]
fn rows_are_read_as_written() {
    let schema = row_schema();
    for codec in ["none", "snappy", "gzip", "zstd", "lz4_raw"] {
        let codec = ParquetCodec::by_name(codec).unwrap();
        let mut file = ParquetFile::new(&schema, "{}", codec).unwrap();
        for id in 0..6 {
            put(&mut file, &schema, row(&schema, id, &["a", "b"])).unwrap();
        }
        // What does not fit leaves nothing behind.
        let broken = Struct::from_values(schema.clone(), vec![Value::Int64(9); 6]);
        let error = put(&mut file, &schema, Value::Struct(broken.into())).unwrap_err();
        assert!(error.message().contains("Field small"), "{error}");
        put(&mut file, &schema, row(&schema, 6, &[])).unwrap();
        let bytes = file.finish().unwrap();
        let reader = SerializedFileReader::new(bytes).unwrap();
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows.len(), 7, "{rows:?}");
        assert_eq!(
            rows[2],
            // This reader takes old lists for lists of lists; others do not.
            "{id: 2, small: -1, price: null, at: 2023-11-14 22:13:20.002 +00:00, inner: {tags: [[\"a\", \"b\"]], note: null}, \
             counts: {\"k0\" -> 0, \"k1\" -> 1}}"
        );
        assert!(rows[1].contains("inner: null"), "{}", rows[1]);
        assert!(rows[3].contains("counts: {}") && rows[6].contains("tags: []"), "{rows:?}");
    }
}

#[test]
fn lists_that_may_hold_null_have_groups() {
    let items = SchemaBuilder::new(Kind::Array(Schema::optional_int32())).build().unwrap();
    let schema = SchemaBuilder::structure(vec![("l".into(), items)]).unwrap().build().unwrap();
    let mut file = ParquetFile::new(&schema, "{}", ParquetCodec::None).unwrap();
    let list = Value::array(vec![Value::Int32(1), Value::Null, Value::Int32(3)]);
    let value = Struct::from_values(schema.clone(), vec![list]);
    put(&mut file, &schema, Value::Struct(value.into())).unwrap();
    let reader = SerializedFileReader::new(file.finish().unwrap()).unwrap();
    let rows: Vec<String> =
        reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
    assert_eq!(rows, ["{l: [1, null, 3]}"]);
}

#[test]
fn only_structs_are_rows() {
    let error = ParquetFile::new(&Schema::string(), "\"string\"", ParquetCodec::None).unwrap_err();
    assert!(error.message().contains("HoistField"), "{error}");
}
