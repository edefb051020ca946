use gantry_api::Value;

use super::super::binlog::{Cell, plain};
use super::super::ddl::{SqlMode, Structures, TableName};
use super::*;
use crate::cdc::columns::Column as Field;
use crate::cdc::config::{Binaries, Decimals, Times};

fn modes() -> Modes {
    Modes {
        decimals: Decimals::Precise,
        times: Times::AdaptiveMicros,
        binaries: Binaries::Bytes,
        placeholder: b"gone".to_vec(),
        comments: false,
        exact_unsigned: false,
        adjusts_years: true,
    }
}

fn column(sql: &str, modes: &Modes) -> (Field, Converter, Option<String>) {
    let mut structures = Structures::new(Some("utf8mb4".to_owned()), false);
    let applied = structures.apply(&format!("CREATE TABLE t (x {sql})"), "d", SqlMode::default());
    assert_eq!(applied.error, None, "{sql}");
    let table = structures.get(&TableName::new("d", "t")).unwrap();
    Converter::new(&table.columns[0], modes)
}

fn text(value: &Value) -> String {
    match value {
        Value::Decimal(number) => plain(number),
        Value::String(text) => text.to_string(),
        other => format!("{other:?}"),
    }
}

fn of(sql: &str, cell: &Cell<'_>) -> String {
    text(&column(sql, &modes()).1.convert(cell).unwrap())
}

fn default(sql: &str) -> String {
    let (field, _, fault) = column(sql, &modes());
    assert_eq!(fault, None, "{sql}");
    field.default.as_ref().map_or_else(|| "none".to_owned(), text)
}

#[test]
fn whole_numbers() {
    assert_eq!(of("tinyint unsigned", &Cell::Int(-1)), "Int16(255)");
    assert_eq!(of("mediumint unsigned", &Cell::Int(-1)), "Int32(16777215)");
    assert_eq!(of("int(10) unsigned zerofill", &Cell::Int(-1)), "Int64(4294967295)");
    assert_eq!(of("bigint unsigned", &Cell::Int(-1)), "Int64(-1)");
    assert_eq!(of("bigint unsigned", &Cell::Text("18446744073709551615")), "Int64(-1)");
    let exact = Modes { exact_unsigned: true, ..modes() };
    let (field, converter, _) = column("bigint unsigned", &exact);
    assert_eq!(text(&converter.convert(&Cell::Int(-1)).unwrap()), "18446744073709551615");
    let schema = field.schema.unwrap().build_plain();
    assert_eq!(
        schema.parameters().unwrap().get("connect.decimal.precision").map(|p| &**p),
        Some("20")
    );
    assert_eq!(of("bit(1)", &Cell::Bits(&[1])), "Boolean(true)");
    assert_eq!(of("bit(12)", &Cell::Bits(&[0x0a, 0xbc])), r#"Bytes(b"\xbc\n")"#);
}

#[test]
fn floats_and_decimals() {
    assert_eq!(of("float", &Cell::Float(1.5)), "Float32(1.5)");
    assert_eq!(of("float(7,3)", &Cell::Float(1.5)), "Float64(1.5)");
    assert_eq!(of("decimal(10,2)", &Cell::Text("1.50")), "1.50");
    let texts = Modes { decimals: Decimals::Text, ..modes() };
    let converter = column("decimal(10,2)", &texts).1;
    assert_eq!(text(&converter.convert(&Cell::Text("-0.05")).unwrap()), "-0.05");
}

#[test]
fn texts_in_their_character_sets() {
    assert_eq!(of("varchar(9) character set latin1", &Cell::Bytes(b"\x80\xe9")), "€é");
    assert_eq!(of("char(9) charset utf16", &Cell::Bytes(b"\x00a\x20\xac")), "a€");
    assert_eq!(of("varchar(9)", &Cell::Bytes("日本".as_bytes())), "日本");
    let fault = column("char(3) charset dec8", &modes()).1.convert(&Cell::Bytes(b"\xff"));
    assert_eq!(fault.unwrap_err(), "its character set is not known here");
    assert_eq!(of("enum('a','b')", &Cell::Enum(2)), "b");
    assert_eq!(of("enum('a','b')", &Cell::Enum(0)), "");
    assert_eq!(of("set('a','b','c')", &Cell::Set(5)), "a,c");
    let (field, ..) = column("enum('a,b','c''d')", &modes());
    let schema = field.schema.unwrap().build_plain();
    assert_eq!(schema.parameters().unwrap().get("allowed").map(|p| &**p), Some(r"a\,b,c'd"));
}

#[test]
fn bytes() {
    assert_eq!(of("binary(4)", &Cell::Bytes(b"ab")), r#"Bytes(b"ab\0\0")"#);
    assert_eq!(of("varbinary(4)", &Cell::Bytes(b"ab")), r#"Bytes(b"ab")"#);
    assert_eq!(of("blob", &Cell::Absent), r#"Bytes(b"gone")"#);
    assert_eq!(of("text", &Cell::Absent), "gone");
    let hex = Modes { binaries: Binaries::Hex, ..modes() };
    assert_eq!(text(&column("blob", &hex).1.convert(&Cell::Bytes(&[1, 255])).unwrap()), "01ff");
}

#[test]
fn dates_and_times() {
    let zero = Cell::Date { year: 0, month: 0, day: 0 };
    assert_eq!(of("date", &zero), "Null");
    assert_eq!(of("date", &Cell::Date { year: 1970, month: 1, day: 2 }), "Int32(1)");
    assert_eq!(of("date", &Cell::Text("0000-00-00")), "Null");
    assert!(column("date", &modes()).1.convert(&Cell::Text("2026-02-30")).is_err());
    assert_eq!(of("date", &Cell::Text("0070-01-01")), "Int32(0)");
    assert_eq!(of("time", &Cell::Time(-1)), "Int64(-1)");
    assert_eq!(of("time(3)", &Cell::Text("-838:59:59.5")), "Int64(-3020399500000)");
    assert_eq!(of("datetime", &Cell::Text("1970-01-01 00:00:01")), "Int64(1000)");
    let at = Cell::DateTime { year: 1970, month: 1, day: 1, micros: 1 };
    assert_eq!(of("datetime(6)", &at), "Int64(1)");
    assert_eq!(
        of("timestamp(6)", &Cell::Timestamp { seconds: 1, micros: 500_000 }),
        "1970-01-01T00:00:01.500000Z"
    );
    assert_eq!(of("timestamp", &Cell::Timestamp { seconds: 1, micros: 0 }), "1970-01-01T00:00:01Z");
    assert_eq!(
        of("timestamp(6)", &Cell::Text("1970-01-01 00:00:01.500000")),
        "1970-01-01T00:00:01.5Z"
    );
    assert_eq!(of("timestamp", &Cell::Timestamp { seconds: 0, micros: 0 }), "1970-01-01T00:00:00Z");
    assert_eq!(of("year", &Cell::Year(2026)), "Int32(2026)");
}

#[test]
fn shapes() {
    let mut point = vec![0xe6, 0x10, 0, 0, 1, 1, 0, 0, 0];
    point.extend(1.5_f64.to_le_bytes());
    point.extend((-2.0_f64).to_le_bytes());
    let (_, converter, _) = column("point", &modes());
    let Value::Struct(found) = converter.convert(&Cell::Bytes(&point)).unwrap() else { panic!() };
    assert_eq!(found.values()[..2], [Value::Float64(1.5), Value::Float64(-2.0)]);
    assert_eq!(found.values()[3], Value::Int32(4326));
    assert!(converter.convert(&Cell::Bytes(&point[..20])).is_err());
    let (field, converter, _) = column("geometry not null", &modes());
    assert!(field.optional);
    let Value::Struct(found) = converter.convert(&Cell::Bytes(&point)).unwrap() else { panic!() };
    assert_eq!(found.values()[0], Value::Bytes(point[4..].to_vec().into()));
    assert_eq!(of("uuid", &Cell::Bytes(&[0x11; 16])), "11111111-1111-1111-1111-111111111111");
    assert_eq!(of("json", &Cell::Bytes(b"{\"a\": 1}")), "{\"a\": 1}");
}

#[test]
fn defaults() {
    assert_eq!(default("int default 5"), "Int32(5)");
    assert_eq!(default("int unsigned default '4294967295'"), "Int64(4294967295)");
    assert_eq!(default("decimal(6,2) default 1.005"), "1.01");
    assert_eq!(default("varchar(9) default _utf8mb4'x y'"), "x y");
    assert_eq!(default("bit(3) default b'101'"), r#"Bytes(b"\x05")"#);
    assert_eq!(default("bit(1) default b'1'"), "Boolean(true)");
    assert_eq!(default("boolean default true"), "Boolean(true)");
    assert_eq!(default("date default '0000-00-00'"), "none");
    assert_eq!(default("date not null default '0000-00-00'"), "Int32(0)");
    assert_eq!(default("datetime(3) default '1970-01-01 00:00:01.5'"), "Int64(1500)");
    assert_eq!(default("timestamp not null default current_timestamp()"), "1970-01-01T00:00:00Z");
    assert_eq!(default("timestamp null default current_timestamp()"), "none");
    assert_eq!(
        default("timestamp(3) null default '2020-01-01 00:00:00'"),
        "2020-01-01T00:00:00.000Z"
    );
    assert_eq!(default("time default '-01:00:00'"), "Int64(-3600000000)");
    assert_eq!(default("year default 2001"), "Int32(2001)");
    assert_eq!(default("binary(2) default 'ab'"), r#"Bytes(b"ab")"#);
    let (field, _, fault) = column("int default 'x'", &modes());
    assert!(field.default.is_none() && fault.is_some());
}
