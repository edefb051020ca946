//! PostgreSQL's types: which of them a column is of, and what its values become.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_api::model::{Kind, Parameters, Schema, SchemaBuilder, logical};
use gantry_api::{Str, Value};

use super::super::config::{Binaries, Decimals, Times};
use super::super::times::{self, Form};
use super::wire::Wire;
use crate::jdbc::db::{SqlError, SqlResult};

/// What decides what values become.
#[derive(Clone, Debug)]
pub(super) struct Modes {
    pub(super) decimals: Decimals,
    pub(super) binaries: Binaries,
    pub(super) times: Times,
    pub(super) intervals_as_text: bool,
    pub(super) hstore_as_map: bool,
    pub(super) money_digits: i32,
    pub(super) unknown: bool,
}

/// A type, as far as values of it become something else.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PgType {
    Bool,
    Bits(Option<u32>),
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Numeric(Option<(u32, i32)>),
    Money,
    /// A text, under the name of one of Debezium's types, or of none.
    Text(Option<&'static str>),
    /// A text of fixed or limited length.
    Characters(Option<u32>),
    Bytes,
    Date,
    Time(i32),
    TimeZoned,
    Timestamp(i32),
    TimestampZoned(i32),
    Interval,
    Hstore,
    Enum(Arc<[String]>),
    Point,
    /// Of PostGIS: plain or on the globe.
    Geometry,
    Geography,
    /// Of pgvector.
    Vector,
    HalfVector,
    Array(Box<PgType>),
    Unknown,
}

/// What the catalog says of a type.
#[derive(Clone, Debug)]
struct Entry {
    name: String,
    kind: char,
    category: char,
    element: u32,
    base: u32,
    base_modifier: i32,
    labels: Arc<[String]>,
}

/// All types of a database.
#[derive(Debug, Default)]
pub(super) struct Types {
    all: HashMap<u32, Entry>,
}

/// Domains over domains: more are a loop.
const DEPTH_MAX: usize = 32;

impl Types {
    pub(super) fn load(wire: &mut Wire) -> SqlResult<Self> {
        let mut all = HashMap::new();
        let rows = wire.rows(
            "SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typelem, t.typbasetype, t.typtypmod \
             FROM pg_catalog.pg_type t",
        )?;
        for row in rows {
            let [Some(oid), Some(name), kind, category, element, base, modifier] = row.as_slice()
            else {
                return Err(SqlError::Connection("pg_type is not as it is known".to_owned()));
            };
            let letter =
                |text: &Option<String>| text.as_ref().and_then(|t| t.chars().next()).unwrap_or(' ');
            let number =
                |text: &Option<String>| text.as_ref().and_then(|t| t.parse().ok()).unwrap_or(0);
            let entry = Entry {
                name: name.clone(),
                kind: letter(kind),
                category: letter(category),
                element: number(element),
                base: number(base),
                base_modifier: modifier.as_ref().and_then(|t| t.parse().ok()).unwrap_or(-1),
                labels: Arc::default(),
            };
            all.insert(oid.parse().unwrap_or(0), entry);
        }
        let mut labels: HashMap<u32, Vec<String>> = HashMap::new();
        let rows = wire.rows(
            "SELECT enumtypid, enumlabel FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder",
        )?;
        for row in rows {
            if let [Some(oid), Some(label)] = row.as_slice() {
                labels.entry(oid.parse().unwrap_or(0)).or_default().push(label.clone());
            }
        }
        for (oid, labels) in labels {
            if let Some(entry) = all.get_mut(&oid) {
                entry.labels = labels.into();
            }
        }
        Ok(Self { all })
    }

    pub(super) fn knows(&self, oid: u32) -> bool {
        self.all.contains_key(&oid)
    }

    /// The name of a type, of a domain that of what it is made of.
    pub(super) fn name(&self, oid: u32) -> &str {
        let oid = self.root(oid, -1).0;
        self.all.get(&oid).map_or("unknown", |entry| entry.name.as_str())
    }

    /// Whether it is a domain, which has no defaults of its own.
    pub(super) fn is_domain(&self, oid: u32) -> bool {
        self.all.get(&oid).is_some_and(|entry| entry.kind == 'd')
    }

    fn root(&self, mut oid: u32, mut modifier: i32) -> (u32, i32) {
        for _ in 0..DEPTH_MAX {
            match self.all.get(&oid) {
                Some(entry) if entry.kind == 'd' && entry.base != 0 => {
                    oid = entry.base;
                    if entry.base_modifier != -1 {
                        modifier = entry.base_modifier;
                    }
                }
                _ => break,
            }
        }
        (oid, modifier)
    }

    /// What a column of a type with that modifier is.
    pub(super) fn resolve(&self, oid: u32, modifier: i32) -> PgType {
        let (oid, modifier) = self.root(oid, modifier);
        let Some(entry) = self.all.get(&oid) else { return PgType::Unknown };
        if entry.kind == 'e' {
            return PgType::Enum(Arc::clone(&entry.labels));
        }
        if entry.category == 'A' && entry.element != 0 {
            return match self.resolve(entry.element, modifier) {
                PgType::Unknown | PgType::Money | PgType::Interval | PgType::Point => {
                    PgType::Unknown
                }
                PgType::Text(Some("io.debezium.data.Xml")) | PgType::Array(_) | PgType::Bits(_) => {
                    PgType::Unknown
                }
                element if self.name(entry.element) == "name" => {
                    drop(element);
                    PgType::Unknown
                }
                element => PgType::Array(Box::new(element)),
            };
        }
        by_name(&entry.name, modifier)
    }
}

fn by_name(name: &str, modifier: i32) -> PgType {
    let precision = if modifier < 0 { 6 } else { modifier };
    match name {
        "bool" => PgType::Bool,
        "bit" => PgType::Bits(Some(if modifier < 0 { 1 } else { modifier.unsigned_abs() })),
        "varbit" => PgType::Bits((modifier >= 0).then_some(modifier.unsigned_abs())),
        "int2" => PgType::Int16,
        "int4" => PgType::Int32,
        "int8" | "oid" => PgType::Int64,
        "float4" => PgType::Float32,
        "float8" => PgType::Float64,
        "numeric" if modifier < 4 => PgType::Numeric(None),
        "numeric" => {
            let bits = (modifier - 4).unsigned_abs();
            let scale = i32::try_from(bits & 0x7ff).unwrap_or(0);
            PgType::Numeric(Some((bits >> 16, (scale ^ 1024) - 1024)))
        }
        "money" => PgType::Money,
        "bpchar" | "varchar" => {
            PgType::Characters((modifier >= 4).then(|| (modifier - 4).unsigned_abs()))
        }
        "text" | "char" | "name" | "citext" | "inet" | "cidr" | "macaddr" | "macaddr8"
        | "int4range" | "int8range" | "numrange" | "tsrange" | "tstzrange" | "daterange"
        | "isbn" | "isbn13" | "issn" | "issn13" | "ismn" | "ismn13" | "ean13" | "upc" => {
            PgType::Text(None)
        }
        "bytea" => PgType::Bytes,
        "json" | "jsonb" => PgType::Text(Some("io.debezium.data.Json")),
        "xml" => PgType::Text(Some("io.debezium.data.Xml")),
        "uuid" => PgType::Text(Some("io.debezium.data.Uuid")),
        "tsvector" => PgType::Text(Some("io.debezium.data.Tsvector")),
        "ltree" => PgType::Text(Some("io.debezium.data.Ltree")),
        "date" => PgType::Date,
        "time" => PgType::Time(precision),
        "timetz" => PgType::TimeZoned,
        "timestamp" => PgType::Timestamp(precision),
        "timestamptz" => PgType::TimestampZoned(precision),
        "interval" => PgType::Interval,
        "hstore" => PgType::Hstore,
        "point" => PgType::Point,
        "geometry" => PgType::Geometry,
        "geography" => PgType::Geography,
        "vector" => PgType::Vector,
        "halfvec" => PgType::HalfVector,
        _ => PgType::Unknown,
    }
}

fn named(kind: Kind, name: &str) -> SchemaBuilder {
    SchemaBuilder::new(kind).name(Some(name.into())).version(Some(1))
}

fn structure(name: &str, version: i32, doc: &str, fields: Vec<(Str, Schema)>) -> SchemaBuilder {
    // The names of these fields are no doubles.
    SchemaBuilder::structure(fields)
        .unwrap_or_else(|_| SchemaBuilder::new(Kind::Bytes))
        .name(Some(name.into()))
        .version(Some(version))
        .doc(Some(doc.into()))
}

pub(super) fn bytes_schema(binaries: Binaries) -> SchemaBuilder {
    SchemaBuilder::new(if binaries == Binaries::Bytes { Kind::Bytes } else { Kind::String })
}

/// A number with its own scale.
pub(super) fn variable_decimal() -> SchemaBuilder {
    let fields = vec![("scale".into(), Schema::int32()), ("value".into(), Schema::bytes())];
    structure("io.debezium.data.VariableScaleDecimal", 1, "Variable scaled decimal", fields)
}

pub(super) fn point() -> SchemaBuilder {
    let fields = vec![
        ("x".into(), Schema::float64()),
        ("y".into(), Schema::float64()),
        ("wkb".into(), Schema::optional_bytes()),
        ("srid".into(), Schema::optional_int32()),
    ];
    structure("io.debezium.data.geometry.Point", 1, "Geometry (POINT)", fields)
}

impl PgType {
    fn decimal_schema(&self, modes: &Modes) -> SchemaBuilder {
        match (modes.decimals, self) {
            (Decimals::Double, _) => SchemaBuilder::new(Kind::Float64),
            (Decimals::Text, _) => SchemaBuilder::new(Kind::String),
            (Decimals::Precise, Self::Numeric(Some((precision, scale)))) => {
                logical::decimal(*scale)
                    .parameter("connect.decimal.precision", &precision.to_string())
            }
            (Decimals::Precise, Self::Money) => logical::decimal(modes.money_digits),
            (Decimals::Precise, _) => variable_decimal(),
        }
    }

    /// The schema of values; `None` if they are left out.
    pub(super) fn schema(&self, modes: &Modes) -> Option<SchemaBuilder> {
        Some(match self {
            Self::Bool | Self::Bits(Some(0 | 1)) => SchemaBuilder::new(Kind::Boolean),
            Self::Bits(length) => named(Kind::Bytes, "io.debezium.data.Bits")
                .parameter("length", &length.unwrap_or(i32::MAX.unsigned_abs()).to_string()),
            Self::Int16 => SchemaBuilder::new(Kind::Int16),
            Self::Int32 => SchemaBuilder::new(Kind::Int32),
            Self::Int64 => SchemaBuilder::new(Kind::Int64),
            Self::Float32 => SchemaBuilder::new(Kind::Float32),
            Self::Float64 => SchemaBuilder::new(Kind::Float64),
            Self::Numeric(_) | Self::Money => self.decimal_schema(modes),
            Self::Text(None) | Self::Characters(_) => SchemaBuilder::new(Kind::String),
            Self::Text(Some(name)) => named(Kind::String, name),
            Self::Bytes => bytes_schema(modes.binaries),
            Self::Date => times::date_schema(modes.times),
            Self::Time(precision) => Form::of_time(modes.times, *precision).time_schema(),
            Self::TimeZoned => times::text_schema("ZonedTime"),
            Self::Timestamp(precision) => {
                Form::of_timestamp(modes.times, *precision).timestamp_schema()
            }
            Self::TimestampZoned(_) => times::text_schema("ZonedTimestamp"),
            Self::Interval if modes.intervals_as_text => times::text_schema("Interval"),
            Self::Interval => times::number_schema("MicroDuration"),
            Self::Hstore if modes.hstore_as_map => SchemaBuilder::new(Kind::Map {
                key: Schema::string(),
                value: Schema::optional_string(),
            }),
            Self::Hstore => named(Kind::String, "io.debezium.data.Json"),
            Self::Enum(labels) => named(Kind::String, "io.debezium.data.Enum").parameters(Some(
                Parameters::from_iter([("allowed".into(), labels.join(",").into())]),
            )),
            Self::Point => point(),
            Self::Geometry => {
                let extensions = SchemaBuilder::new(Kind::Map {
                    key: Schema::string(),
                    value: Schema::string(),
                });
                let fields = vec![
                    ("wkb".into(), Schema::bytes()),
                    ("srid".into(), Schema::optional_int32()),
                    ("extensions".into(), extensions.optional().build_plain()),
                ];
                structure("io.debezium.data.geometry.Geometry", 2, "Geometry", fields)
            }
            Self::Geography => {
                let fields = vec![
                    ("wkb".into(), Schema::bytes()),
                    ("srid".into(), Schema::optional_int32()),
                ];
                structure("io.debezium.data.geometry.Geography", 1, "Geography", fields)
            }
            Self::Vector => named(Kind::Array(Schema::float64()), "io.debezium.data.DoubleVector"),
            Self::HalfVector => {
                named(Kind::Array(Schema::float32()), "io.debezium.data.FloatVector")
            }
            Self::Array(element) => {
                let schema = element.schema(modes)?;
                let is_enum = matches!(**element, Self::Enum(_));
                let element = if is_enum { schema } else { schema.optional() };
                SchemaBuilder::new(Kind::Array(element.build_plain()))
            }
            Self::Unknown if modes.unknown => bytes_schema(modes.binaries),
            Self::Unknown => return None,
        })
    }

    /// In place of null where there must be a value.
    pub(super) fn fallback(&self, modes: &Modes) -> Value {
        use super::value::{decimal_zero, point_of, read};
        match self {
            Self::Bool | Self::Bits(Some(0 | 1)) => Value::Boolean(false),
            Self::Bits(_) => Value::Bytes(gantry_api::Bytes::new()),
            Self::Int16 => Value::Int16(0),
            Self::Int32 => Value::Int32(0),
            Self::Int64 => Value::Int64(0),
            Self::Float32 => Value::Float32(0.0),
            Self::Float64 => Value::Float64(0.0),
            Self::Numeric(_) | Self::Money => decimal_zero(self, modes),
            Self::Date => times::date(modes.times, 0),
            Self::Time(precision) => Form::of_time(modes.times, *precision).time(0),
            Self::TimeZoned => Value::str("00:00:00Z"),
            Self::Timestamp(precision) => {
                Form::of_timestamp(modes.times, *precision).timestamp(0).unwrap_or_default()
            }
            Self::TimestampZoned(_) => Value::str("1970-01-01T00:00:00Z"),
            Self::Interval if modes.intervals_as_text => Value::str("P0Y0M0DT0H0M0S"),
            Self::Interval => Value::Int64(0),
            Self::Hstore => read(self, b"", modes).unwrap_or_default(),
            Self::Bytes | Self::Unknown if modes.binaries == Binaries::Bytes => {
                Value::Bytes(gantry_api::Bytes::new())
            }
            Self::Text(_) | Self::Characters(_) | Self::Bytes | Self::Enum(_) | Self::Unknown => {
                Value::str("")
            }
            Self::Point => point_of(0.0, 0.0),
            Self::Geometry | Self::Geography => Value::Null,
            Self::Vector | Self::HalfVector | Self::Array(_) => Value::array(Vec::new()),
        }
    }

    /// Whether it is one of SQL's types of characters.
    pub(super) fn is_characters(&self) -> bool {
        matches!(self, Self::Characters(_) | Self::Text(None))
    }
}
