//! What the types of each database become.

use std::sync::Arc;

use gantry_api::{Schema, Value};

use super::Database;
use super::harness::{Stored, block, read, show, source_props, value};

/// Of MariaDB: type, a value, and what becomes of it.
const MARIADB: [(&str, &str, &str); 27] = [
    ("TINYINT(1)", "1", "BOOLEAN true"),
    ("TINYINT", "-5", "INT8 -5"),
    ("TINYINT UNSIGNED", "200", "INT16 200"),
    ("SMALLINT", "-300", "INT16 -300"),
    ("SMALLINT UNSIGNED", "60000", "INT32 60000"),
    ("MEDIUMINT", "-70000", "INT32 -70000"),
    ("INT", "-70000", "INT32 -70000"),
    ("INT UNSIGNED", "4000000000", "INT64 4000000000"),
    ("BIGINT", "-9223372036854775808", "INT64 -9223372036854775808"),
    ("BIGINT UNSIGNED", "5", "INT64 5"),
    ("BIT(1)", "b'1'", "BOOLEAN true"),
    ("BIT(5)", "b'101'", "INT8 5"),
    ("FLOAT", "0.5", "FLOAT32 0.5"),
    ("DOUBLE", "0.25", "FLOAT64 0.25"),
    ("DECIMAL(10,3)", "-12.345", "Decimal(3,10) -12.345"),
    ("DECIMAL(5,0)", "12345", "Decimal(0,5) 12345"),
    ("DATE", "'2024-02-29'", "Date 1709164800000"),
    ("TIME(3)", "'12:34:56.789'", "Time 45296789"),
    ("DATETIME(6)", "'2024-02-29 23:59:59.123456'", "Timestamp 1709251199123"),
    ("YEAR", "2024", "Date 1704067200000"),
    ("CHAR(5)", "'ab'", "STRING ab"),
    ("VARCHAR(20)", "'zwölf'", "STRING zwölf"),
    ("LONGTEXT", "'x'", "STRING x"),
    ("ENUM('a','b')", "'b'", "STRING b"),
    ("JSON", "'{\"a\":1}'", "STRING {\"a\":1}"),
    ("VARBINARY(5)", "x'00ff'", "BYTES b\"\\0\\xff\""),
    ("BLOB", "x'01'", "BYTES b\"\\x01\""),
];

const POSTGRES: [(&str, &str, &str); 31] = [
    ("smallint", "-300", "INT16 -300"),
    ("integer", "-70000", "INT32 -70000"),
    ("bigint", "-9223372036854775808", "INT64 -9223372036854775808"),
    ("oid", "4000000000", "INT64 4000000000"),
    ("real", "0.5", "FLOAT32 0.5"),
    ("double precision", "0.25", "FLOAT64 0.25"),
    ("money", "'12.34'", "FLOAT64 12.34"),
    ("numeric(10,3)", "-12.345", "Decimal(3,10) -12.345"),
    ("numeric(5)", "12345", "Decimal(0,5) 12345"),
    ("boolean", "true", "BOOLEAN true"),
    ("bit(1)", "B'1'", "BOOLEAN true"),
    ("bit(3)", "B'101'", "INT8 101"),
    ("char(5)", "'ab'", "STRING ab   "),
    ("varchar(20)", "'zwölf'", "STRING zwölf"),
    ("text", "'x'", "STRING x"),
    (
        "uuid",
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
        "STRING a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ),
    ("json", "'{\"a\": 1}'", "STRING {\"a\": 1}"),
    ("jsonb", "'{\"a\":1}'", "STRING {\"a\": 1}"),
    ("xml", "'<a/>'", "STRING <a/>"),
    ("bytea", "'\\x00ff'", "BYTES b\"\\0\\xff\""),
    ("date", "'2024-02-29'", "Date 1709164800000"),
    ("time(3)", "'12:34:56.789'", "Time 45296789"),
    ("timestamp", "'2024-02-29 23:59:59.123456'", "Timestamp 1709251199123"),
    ("timestamptz", "'2024-02-29 23:59:59.123456+01'", "Timestamp 1709247599123"),
    ("mood", "'happy'", "STRING happy"),
    ("natural_number", "7", "INT32 7"),
    ("integer[]", "'{1,2}'", ""),
    ("interval", "'1 day'", ""),
    ("inet", "'10.0.0.1'", ""),
    ("point", "'(1,2)'", ""),
    ("tsvector", "'a b'", ""),
];

const SQLITE: [(&str, &str, &str); 14] = [
    ("BOOLEAN", "1", "BOOLEAN true"),
    ("TINYINT", "200", "INT16 200"),
    ("SMALLINT", "5", "INT32 5"),
    ("INTEGER", "-7", "INT32 -7"),
    ("INTEGER", "4000000000", "INT64 4000000000"),
    ("INT", "5", "INT64 5"),
    ("BIGINT", "5", "INT64 5"),
    ("DOUBLE", "0.25", "FLOAT64 0.25"),
    ("REAL", "0.5", "FLOAT32 0.5"),
    ("DECIMAL(10,3)", "12.345", "Decimal(3,10) 12.345"),
    ("VARCHAR(20)", "'zwölf'", "STRING zwölf"),
    ("TIMESTAMP", "'2024-02-29 23:59:59.123'", "Timestamp 1709251199123"),
    ("TIMESTAMP", "1709251199123", "Timestamp 1709251199123"),
    ("BLOB", "x'00ff'", "BYTES b\"\\0\\xff\""),
];

fn kind(schema: &Schema) -> String {
    let simple = schema.name().map(|name| name.rsplit('.').next().unwrap_or(name).to_owned());
    match simple {
        Some(name) if name == "Decimal" => {
            let parameters = schema.parameters().unwrap();
            format!("Decimal({},{})", parameters["scale"], parameters["connect.decimal.precision"])
        }
        Some(name) => name,
        None => schema.kind().type_name().to_owned(),
    }
}

pub(crate) fn types_become_connects(database: &Database) {
    let table: &[(&str, &str, &str)] = if database.is_sqlite() {
        &SQLITE
    } else if database.is_mysql() {
        &MARIADB
    } else {
        database.run("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN natural_number AS integer CHECK (VALUE > 0)");
        &POSTGRES
    };
    let columns: Vec<String> =
        table.iter().enumerate().map(|(at, (kind, ..))| format!("c{at} {kind}")).collect();
    let values: Vec<&str> = table.iter().map(|(_, value, _)| *value).collect();
    database.run(&format!("CREATE TABLE seen (must INTEGER NOT NULL, {})", columns.join(", ")));
    let of_values = values.join(", ").replace(';', ",");
    database.run(&format!("INSERT INTO seen VALUES (1, {of_values})"));
    let props = source_props(database, &[("mode", "bulk"), ("poll.interval.ms", "100000")]);
    let records = block(read(&props, &Arc::new(Stored::default()), 1)).unwrap();
    let row = value(&records[0]);
    let schema = row.schema();
    assert!(!schema.field("must").unwrap().schema.is_optional());
    for (at, (sql, _, expected)) in table.iter().enumerate() {
        let name = format!("c{at}");
        let found = schema.field(&name).map(|field| {
            assert!(field.schema.is_optional(), "{sql}");
            let value: &Value = row.get(&name).unwrap();
            format!("{} {}", kind(&field.schema), show(value))
        });
        let expected = Some(*expected).filter(|text| !text.is_empty());
        assert_eq!(found.as_deref(), expected, "{sql}");
    }
    let _ = database.is_postgres();
}
