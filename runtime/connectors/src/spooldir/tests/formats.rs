//! Formats: what they make of files, and that each can go on behind each of its records.

use std::io::Write;

use gantry_api::{Datum, Kind, Schema, Value};
use gantry_converters::Charset;

use super::{behind, input, read};
use crate::spooldir::format::Format;
use crate::spooldir::format::avro::AvroFormat;
use crate::spooldir::format::binary::BinaryFormat;
use crate::spooldir::format::csv::{Csv, CsvFormat, NullFields, Signs};
use crate::spooldir::format::json::{Json, JsonFormat, SchemalessFormat};
use crate::spooldir::format::line::LineFormat;
use crate::spooldir::format::parquet::ParquetFormat;
use crate::spooldir::input::Packing;
use crate::spooldir::lines::Text;
use crate::spooldir::value::{Dates, Schemas, Values, schema_json};

const JSON: Json = Json { buffer_bytes: 5, bytes_max: 1 << 20 };

fn text(charset: Charset) -> Text {
    Text { charset, keeps_returns: false, bytes_max: 1 << 20, buffer_bytes: 5 }
}

fn schema(fields: &str) -> Schema {
    let json = format!(
        "{{\"name\":\"s\",\"type\":\"STRUCT\",\"isOptional\":false,\"fieldSchemas\":{{{fields}}}}}"
    );
    schema_json::read("value.schema", &json).unwrap()
}

fn values(zone: &str) -> Values {
    let patterns = [
        "yyyy-MM-dd'T'HH:mm:ss".to_owned(),
        "yyyy-MM-dd' 'HH:mm:ss".to_owned(),
        "yyyy-MM-dd".to_owned(),
    ];
    Values { dates: Dates::new(&patterns, zone).unwrap() }
}

fn csv(schemas: Schemas, has_header: bool, skip_lines: u64) -> CsvFormat {
    let signs = Signs {
        separator: ',',
        quote: '"',
        escape: '\\',
        strict_quotes: false,
        ignores_leading_blanks: true,
        ignores_quotations: false,
        nulls: NullFields::EmptySeparators,
    };
    let csv = Csv { skip_lines, has_header, is_rfc4180: false, signs, text: text(Charset::Utf8) };
    CsvFormat { csv, schemas, values: values("UTC") }
}

fn schemas() -> Schemas {
    Schemas {
        key: schema(r#""id":{"type":"INT64"}"#),
        value: schema(r#""id":{"type":"INT64"},"name":{"type":"STRING","isOptional":true}"#),
    }
}

fn fields(datum: &Datum) -> Vec<Value> {
    match &datum.value {
        Value::Struct(value) => value.values().to_vec(),
        other => vec![other.clone()],
    }
}

/// The records of a file, and that they are the same from behind each of them, however it is packed.
fn check(format: &dyn Format, bytes: &[u8]) -> Vec<(i64, Vec<Value>, Vec<Value>)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(bytes).unwrap();
    let bzip2 = bzip2.finish().unwrap();
    let files = [(bytes, Packing::Plain), (&gzip[..], Packing::Gzip), (&bzip2[..], Packing::Bzip2)];
    let simple = |item: &super::Item| (item.offset, fields(&item.key), fields(&item.value));
    let mut all = None;
    for (file, packing) in files {
        for step in [1, 4, 1000] {
            let (items, fault) = read(format, input(file, step, packing), None);
            assert!(fault.is_none(), "{fault:?}");
            let records: Vec<_> = items.iter().map(simple).collect();
            for (at, item) in items.iter().enumerate() {
                for by_position in [true, false] {
                    let from = behind(item, by_position);
                    let (rest, fault) = read(format, input(file, step, packing), Some(&from));
                    assert!(fault.is_none(), "{fault:?}");
                    let rest: Vec<_> = rest.iter().map(simple).collect();
                    assert_eq!(rest, records[at + 1..], "behind {at}, {by_position}, {packing:?}");
                }
            }
            assert_eq!(*all.get_or_insert_with(|| records.clone()), records);
        }
    }
    all.unwrap()
}

#[test]
fn csv_with_header_and_lines_before_it() {
    let format = csv(schemas(), true, 2);
    let file = "# one\n# two\nname,id,more\r\nx,1,z\n\"a\nb\",2,z\n\n,3,z";
    let records = check(&format, file.as_bytes());
    let row = |offset: i64, id: i64, name: Value| {
        (offset, vec![Value::Int64(id)], vec![Value::Int64(id), name])
    };
    assert_eq!(
        records,
        [row(1, 1, Value::str("x")), row(3, 2, Value::str("a\nb")), row(5, 3, Value::Null)]
    );
}

#[test]
fn csv_that_is_wrong_says_where() {
    let format = csv(schemas(), true, 0);
    for (file, count, text) in [
        (
            "id,name\n1,a\nx,b\n",
            1,
            "line 3: Exception thrown while parsing data for 'id': Could not parse 'x' to 'Long'",
        ),
        ("id,name\n1,a\n2\n", 1, "line 3: the row has 1 field(s), but there are 2 columns"),
        (
            "id,name\n,a\n",
            0,
            "line 2: Exception thrown while parsing data for 'id': schema is not optional so input cannot be null.",
        ),
    ] {
        let (items, fault) = read(&format, input(file.as_bytes(), 3, Packing::Plain), None);
        assert_eq!((items.len(), fault.unwrap().to_string().as_str()), (count, text));
    }
}

#[test]
fn lines_of_all_character_sets() {
    let expected = [(1, "é1"), (2, ""), (3, "中 3"), (4, "four")];
    let plain = "é1\r\n\r中 3\nfour";
    let wide = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        let text = plain.encode_utf16().flat_map(bytes);
        mark.iter().copied().chain(text).collect::<Vec<u8>>()
    };
    let utf8 = Charset::Utf8;
    let utf16 = Charset::for_name("UTF-16").unwrap();
    for (charset, bytes) in [
        (utf8, plain.as_bytes().to_vec()),
        (utf8, [b"\xEF\xBB\xBF", plain.as_bytes()].concat()),
        (utf16, wide(&[0xFF, 0xFE], u16::to_le_bytes)),
        (utf16, wide(&[0xFE, 0xFF], u16::to_be_bytes)),
        (utf16, wide(&[], u16::to_be_bytes)),
        (Charset::for_name("UTF-16LE").unwrap(), wide(&[], u16::to_le_bytes)),
    ] {
        let records = check(&LineFormat { text: text(charset) }, &bytes);
        let records: Vec<_> = records.into_iter().map(|(at, _, value)| (at, value)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(at, text)| (*at, vec![Value::str(text)])).collect();
        assert_eq!(records, expected, "{charset:?}");
    }
    let latin = LineFormat { text: text(Charset::for_name("ISO-8859-1").unwrap()) };
    assert_eq!(check(&latin, b"\xe9\n")[0].2, [Value::str("é")]);
    assert_eq!(check(&latin, b""), []);
}

#[test]
fn json_values_become_structs() {
    let value = schema(
        r#""id":{"type":"INT64"},"at":{"name":"org.apache.kafka.connect.data.Timestamp","type":"INT64","version":1,"isOptional":true},
        "amount":{"name":"org.apache.kafka.connect.data.Decimal","type":"BYTES","version":1,"parameters":{"scale":"2"},"isOptional":true},
        "tags":{"type":"ARRAY","isOptional":true,"valueSchema":{"type":"STRING","isOptional":true}},
        "counts":{"type":"MAP","isOptional":true,"keySchema":{"type":"STRING"},"valueSchema":{"type":"INT32"}},
        "who":{"type":"STRUCT","isOptional":true,"fieldSchemas":{"name":{"type":"STRING","isOptional":true}}}"#,
    );
    let key = schema(r#""id":{"type":"INT64"}"#);
    let format = JsonFormat { json: JSON, schemas: Schemas { key, value }, values: values("UTC") };
    let file = r#"
      {"id": 1, "at": "2020-02-29 12:00:00", "amount": 12.5, "tags": ["a\"}", null, 3], "counts": {"x": 7}, "who": {"name": "é"}}
      {"id":"2","at":1000,"amount":"1","who":null}{"id":3}
    "#;
    let records = check(&format, file.as_bytes());
    assert_eq!(records.iter().map(|record| record.0).collect::<Vec<_>>(), [0, 1, 2]);
    let (_, key, first) = &records[0];
    assert_eq!(key, &[Value::Int64(1)]);
    assert_eq!(first[1], Value::Date(1_582_977_600_000));
    assert_eq!(
        format!("{:?}", first[2]),
        format!("{:?}", Value::Decimal(std::sync::Arc::new("12.50".parse().unwrap())))
    );
    assert_eq!(first[3], Value::array(vec![Value::str("a\"}"), Value::Null, Value::str("3")]));
    let Value::Struct(who) = &first[5] else { panic!("{first:?}") };
    assert_eq!(who.values(), [Value::str("é")]);
    assert_eq!(records[1].2[..2], [Value::Int64(2), Value::Date(1000)]);
    assert_eq!(records[2].2, [vec![Value::Int64(3)], vec![Value::Null; 5]].concat());
}

#[test]
fn json_without_schema_is_compact_text() {
    let format = SchemalessFormat { json: JSON };
    let file = " {\"b\" : [1, 2.50, 1e3, -0, 100.0, 0.0, 1E-10 ] ,\n\"a\":\"\\u00e9\\/\\n\\u0001\u{7f}😀\"}\n 12\n\"x\"[ ]true\nnull";
    let texts: Vec<Value> =
        check(&format, file.as_bytes()).into_iter().flat_map(|record| record.2).collect();
    let expected = [
        "{\"b\":[1,2.5,1E+3,0,1E+2,0,1E-10],\"a\":\"é/\\n\\u0001\u{7f}😀\"}",
        "12",
        "\"x\"",
        "[]",
        "true",
        "null",
    ];
    assert_eq!(texts, expected.map(Value::str));
    let (items, fault) = read(&format, input(b"{\"a\":1}\n{\"a\" 2}\n", 3, Packing::Plain), None);
    assert_eq!(items.len(), 1);
    let text = fault.unwrap().to_string();
    assert!(text.starts_with("line 2: not valid JSON at line 1, column 6"), "{text}");
    for file in ["{\"a\":1", "}", "{\"a\":1}]", "nul", "[1,]"] {
        let (_, fault) = read(&format, input(file.as_bytes(), 3, Packing::Plain), None);
        assert!(fault.is_some(), "{file}");
    }
    let short = SchemalessFormat { json: Json { bytes_max: 8, ..JSON } };
    let (items, fault) = read(&short, input(b"{\"a\":1}{\"a\":123}", 3, Packing::Plain), None);
    assert_eq!(items.len(), 1);
    let text = fault.unwrap().to_string();
    assert!(text.contains("gantry.record.max.bytes=8"), "{text}");
}

/// Files that fastavro 1.12 wrote, in blocks of a few values.
#[test]
fn avro_files_of_all_codecs() {
    let format = AvroFormat { buffer_bytes: 7, bytes_max: 1 << 20 };
    let mut all = None;
    for bytes in [
        &include_bytes!("avro/null.avro")[..],
        include_bytes!("avro/deflate.avro"),
        include_bytes!("avro/snappy.avro"),
        include_bytes!("avro/bzip2.avro"),
        include_bytes!("avro/zstandard.avro"),
    ] {
        let records = check(&format, bytes);
        assert_eq!(records.len(), 25);
        assert_eq!(
            records.iter().map(|record| record.0).collect::<Vec<_>>(),
            (0..25).collect::<Vec<_>>()
        );
        let (_, _, values) = &records[7];
        assert_eq!(
            values[..4],
            [
                Value::Int64(7),
                Value::str("n7"),
                Value::Date(1_577_836_807_000),
                Value::array(vec![Value::str("x")]),
            ]
        );
        assert_eq!(values[4], Value::Decimal(std::sync::Arc::new("0.07".parse().unwrap())));
        assert_eq!(*all.get_or_insert_with(|| records.clone()), records);
    }
    assert_eq!(check(&format, include_bytes!("avro/empty.avro")), []);
    assert_eq!(check(&format, b""), []);
    let snappy = include_bytes!("avro/snappy.avro");
    let fault = |bytes: &[u8]| {
        let (items, fault) = read(&format, input(bytes, 100, Packing::Plain), None);
        (items.len(), fault.unwrap().to_string())
    };
    assert_eq!(fault(b"Obj2").1, "not an Avro container file: it does not begin with Obj1");
    let (count, text) = fault(&snappy[..snappy.len() - 3]);
    assert!(
        count > 0 && text == "not an Avro container file: it ends within a block",
        "{count} {text}"
    );
    let mut broken = snappy.to_vec();
    let at = broken.len() - 20;
    broken[at] ^= 1;
    let (count, text) = fault(&broken);
    assert!(count > 0 && text.contains("a block cannot be unpacked"), "{text}");
}

#[test]
fn a_binary_file_is_one_record() {
    let format = BinaryFormat { bytes_max: 4 };
    let bytes = Value::Bytes(vec![0, 255, 10].into());
    assert_eq!(check(&format, b"\x00\xff\x0a"), [(0, vec![Value::Null], vec![bytes])]);
    assert_eq!(check(&format, b""), []);
    let (_, fault) = read(&format, input(b"12345", 3, Packing::Plain), None);
    assert!(fault.unwrap().to_string().contains("gantry.record.max.bytes=4"));
}

#[test]
fn texts_become_values_as_java_reads_them() {
    let values = values("America/New_York");
    let parse = |json: &str, text: &str| {
        let schema = schema_json::read("value.schema", json).unwrap();
        values.parse(&schema, Some(text)).map_err(|error| error.message().to_owned())
    };
    let logical = |name: &str, kind: &str| {
        format!(
            "{{\"name\":\"org.apache.kafka.connect.data.{name}\",\"type\":\"{kind}\",\"version\":1}}"
        )
    };
    let plain = |kind: &str| format!("{{\"type\":\"{kind}\"}}");
    assert_eq!(parse(&plain("BOOLEAN"), "TRUE"), Ok(Value::Boolean(true)));
    assert_eq!(parse(&plain("BOOLEAN"), "yes"), Ok(Value::Boolean(false)));
    assert_eq!(parse(&plain("INT8"), "-128"), Ok(Value::Int8(-128)));
    assert_eq!(parse(&plain("INT8"), "128"), Err("Could not parse '128' to 'Byte'".to_owned()));
    assert_eq!(parse(&plain("INT32"), " 1"), Err("Could not parse ' 1' to 'Integer'".to_owned()));
    assert_eq!(parse(&plain("FLOAT32"), "0.1"), Ok(Value::Float32(0.1)));
    assert_eq!(parse(&plain("FLOAT64"), " 1e3 "), Ok(Value::Float64(1000.0)));
    assert_eq!(parse(&plain("BYTES"), "x"), Err("Schema BYTES(null) is not supported".to_owned()));
    // 12:00 in New York is 17:00, and in summer 16:00.
    let at = |text: &str| parse(&logical("Timestamp", "INT64"), text);
    assert_eq!(at("2020-01-01 12:00:00"), Ok(Value::Date(1_577_898_000_000)));
    assert_eq!(at("2020-07-01T12:00:00"), Ok(Value::Date(1_593_619_200_000)));
    assert_eq!(at("noon"), Err("Could not parse 'noon' to 'Date'".to_owned()));
    assert_eq!(
        parse(&logical("Date", "INT32"), "2020-01-01 12:00:00"),
        Ok(Value::Date(1_577_854_800_000))
    );
    let decimal = r#"{"name":"org.apache.kafka.connect.data.Decimal","type":"BYTES","version":1,"parameters":{"scale":"1"}}"#;
    assert_eq!(
        parse(decimal, "1e1"),
        Ok(Value::Decimal(std::sync::Arc::new("10.0".parse().unwrap())))
    );
    assert_eq!(parse(decimal, "1.25"), Err("Could not parse '1.25' to 'BigDecimal'".to_owned()));
    assert_eq!(
        parse(decimal, "1e999999999"),
        Err("Could not parse '1e999999999' to 'BigDecimal'".to_owned())
    );
}

#[test]
fn schemas_are_read_and_say_what_is_wrong() {
    let read = |text: &str| schema_json::read("key.schema", text);
    let schema = schema(
        r#""z":{"type":"INT32","defaultValue":5,"doc":"d"},"a":{"type":"STRING","isOptional":true,"version":3}"#,
    );
    let names: Vec<&str> =
        schema.fields().unwrap().list().iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["z", "a"]);
    assert_eq!(schema.field("z").unwrap().schema.default_value(), Some(&Value::Int32(5)));
    assert_eq!(schema.field("a").unwrap().schema.version(), Some(3));
    let generated = gantry_api::SchemaBuilder::structure(vec![
        ("z\"".into(), Schema::optional_string()),
        ("a".into(), Schema::optional_string()),
    ])
    .unwrap()
    .name(Some("n".into()))
    .build()
    .unwrap();
    assert_eq!(read(&schema_json::write(&generated)).unwrap(), generated);
    for (text, what) in [
        ("", "it is empty"),
        ("{", "not valid JSON at line 1"),
        ("[]", "the schema is no JSON object"),
        (
            r#"{"type":"STRUCT","fields":[]}"#,
            "the schema has 'fields', which is none of name, doc, type",
        ),
        (
            r#"{"type":"STRUCT","fieldSchemas":{"a":{"type":"int"}}}"#,
            "'type' of 'a' is int, and has to be one of",
        ),
        (r#"{"type":"ARRAY"}"#, "valueSchema of the schema cannot be null."),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.message(), "Could not read schema from 'key.schema'");
        let cause = error.cause().unwrap().message().to_owned();
        assert!(cause.starts_with(what), "{text}: {cause}");
    }
    assert!(matches!(read(r#"{"type":"INT8"}"#).unwrap().kind(), Kind::Int8));
}

/// As [`check`], of files that are read from their end.
fn check_whole(format: &dyn Format, bytes: &[u8]) -> Vec<super::Item> {
    let (all, fault) = read(format, input(bytes, 100, Packing::Plain), None);
    assert!(fault.is_none(), "{fault:?}");
    for (at, item) in all.iter().enumerate() {
        let from = behind(item, at % 2 == 0);
        let (rest, fault) = read(format, input(bytes, 4000, Packing::Plain), Some(&from));
        assert!(fault.is_none(), "{fault:?}");
        let left = all.iter().skip(at + 1);
        assert!(
            rest.len() == left.len()
                && rest.iter().zip(left).all(|(a, b)| a.offset == b.offset && a.value == b.value),
            "behind {at}"
        );
    }
    all
}

#[test]
fn parquet_files_of_all_codecs() {
    let format = ParquetFormat { bytes_max: 1 << 20 };
    let files = [
        &include_bytes!("parquet/none.parquet")[..],
        include_bytes!("parquet/snappy.parquet"),
        include_bytes!("parquet/gzip.parquet"),
        include_bytes!("parquet/zstd.parquet"),
        include_bytes!("parquet/lz4.parquet"),
    ];
    for bytes in files {
        let rows = check_whole(&format, bytes);
        assert_eq!(
            rows.iter().map(|row| row.offset).collect::<Vec<_>>(),
            (0..25).collect::<Vec<_>>()
        );
        let Value::Struct(row) = &rows[8].value.value else { panic!() };
        let of = |name: &str| row.raw(name).unwrap().clone();
        // Noon of March 8th, 2020, 123 ms later.
        let (day, noon) = (18_329 * 86_400_000, 1_583_668_800_123);
        for (name, expected) in [
            ("id", Value::Int64(8)),
            ("name", Value::str("n8")),
            ("tiny", Value::Int8(-4)),
            ("short", Value::Int16(8000)),
            ("unsigned", Value::Int64(4_294_967_287)),
            ("ok", Value::Boolean(true)),
            ("single", Value::Float32(4.0)),
            ("double", Value::Float64(2.0)),
            ("raw", Value::Bytes(vec![8].into())),
            ("price", Value::Decimal(std::sync::Arc::new("-0.92".parse().unwrap()))),
            ("day", Value::Date(day)),
            ("at_ms", Value::Date(noon)),
            ("at_us", Value::Int64(noon * 1000)),
            ("at_ns", Value::Int64(noon * 1_000_000)),
            ("clock", Value::Date(noon - day)),
            ("tags", Value::array(vec![Value::str("x"), Value::Null])),
            ("uid", Value::str("00000000-0000-0000-0000-000000000008")),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
        let Value::Map(counts) = of("counts") else { panic!() };
        assert_eq!(counts.get("k1"), Some(&Value::Int32(1)));
        let Value::Struct(place) = &rows[9].value.value else { panic!() };
        let text = format!("{:?}", place.raw("place").unwrap());
        assert!(text.contains("deep"), "{text}");
        let schema = rows[0].value.schema.as_ref().unwrap();
        let name = |field: &str| schema.field(field).unwrap().schema.name().unwrap().to_string();
        assert_eq!(name("at_us"), "io.debezium.time.MicroTimestamp");
        assert_eq!(name("price"), "org.apache.kafka.connect.data.Decimal");
        assert!(!schema.field("id").unwrap().schema.is_optional());
        schema.validate(&rows[4].value.value).unwrap();
    }
    assert_eq!(check_whole(&format, include_bytes!("parquet/empty.parquet")).len(), 0);
    assert_eq!(check_whole(&format, b"").len(), 0);
}

#[test]
fn parquet_that_is_broken_is_an_error() {
    let format = ParquetFormat { bytes_max: 1 << 20 };
    let whole = include_bytes!("parquet/snappy.parquet");
    let fault = |format: &ParquetFormat, bytes: &[u8], packing| {
        let (items, fault) = read(format, input(bytes, 1000, packing), None);
        (items.len(), fault.map(|fault| fault.to_string()).unwrap_or_default())
    };
    let (_, text) = fault(&format, &whole[..whole.len() - 3], Packing::Plain);
    assert!(text.contains("it cannot be read as Parquet"), "{text}");
    assert!(fault(&format, b"id,name\n1,a\n2,b\n", Packing::Plain).1.contains("Parquet"));
    let (_, text) = fault(&ParquetFormat { bytes_max: 10 }, whole, Packing::Plain);
    assert!(text.starts_with("record 1: rows have ") && text.contains("=10; set it"), "{text}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(whole).unwrap();
    let (_, text) = fault(&format, &gzip.finish().unwrap(), Packing::Gzip);
    assert!(text.contains("cannot be read packed as a whole"), "{text}");
    // Whatever byte is another one: records or a fault, and never a panic.
    for at in (0..whole.len()).step_by(29) {
        let mut broken = whole.to_vec();
        broken[at] ^= 0x55;
        let (count, text) = fault(&format, &broken, Packing::Plain);
        assert!(count == 25 || !text.is_empty(), "byte {at}: {count} records, and no fault");
    }
}
