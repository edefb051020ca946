//! The Connect schema of an Avro schema, as Confluent's converters make it by default.

use gantry_api::model::logical;
use gantry_api::{Kind as ConnectKind, Schema, SchemaBuilder, Str};
use serde_json::Value as Json;

use super::avro::{Avro, Field, Kind, Named, Symbols};
use super::literal::{Rules, read};

type Result<T> = std::result::Result<T, String>;

const RECORD_DOC: &str = "io.confluent.connect.avro.record.doc";
const FIELD_DOC: &str = "io.confluent.connect.avro.field.doc.";
const FIELD_DEFAULT: &str = "io.confluent.connect.avro.field.default";
const ENUM: &str = "io.confluent.connect.avro.Enum";
const ENUM_DOC: &str = "io.confluent.connect.avro.enum.doc.";
const ENUM_DEFAULT: &str = "io.confluent.connect.avro.enum.default.";
const UNION: &str = "io.confluent.connect.avro.Union";
const FIXED_SIZE: &str = "connect.fixed.size";
const DECIMAL_PRECISION: &str = "connect.decimal.precision";
/// The precision that need not be said.
const PRECISION_DEFAULT: i64 = 64;
/// A record of a key and a value; a list of such is a map in Connect.
const MAP_ENTRY: &str = "io.confluent.connect.avro.MapEntry";
const INTERNAL_TYPE: &str = "connect.internal.type";

/// What a union is in Connect.
pub(super) enum Branches<'a> {
    /// The one type, which may be null where a null stands beside it.
    One(&'a Avro),
    /// A struct with a field for each type.
    Several,
}

/// How a union is seen.
pub(super) fn branches(all: &[std::sync::Arc<Avro>]) -> Branches<'_> {
    let is_plain_null = |avro: &Avro| avro.is_null() && avro.properties.is_empty();
    match all {
        [only] => Branches::One(only),
        [null, other] | [other, null] if is_plain_null(null) && !other.is_null() => {
            Branches::One(other)
        }
        _ => Branches::Several,
    }
}

/// The name of the field of a union's branch.
pub(super) fn branch_name(branch: &Avro) -> &str {
    match &branch.kind {
        Kind::Record(named, _) | Kind::Enum(named, _) | Kind::Fixed(named, _) => named.simple(),
        _ => branch.kind_name(),
    }
}

/// The schema of a value of that type. The error is a reason.
pub(super) fn schema(avro: &Avro) -> Result<Schema> {
    build(avro, false, None)
}

fn build(avro: &Avro, optional: bool, default: Option<&Json>) -> Result<Schema> {
    let builder = match &avro.kind {
        Kind::Union(all) => match branches(all) {
            // A default of such a field is not kept.
            Branches::One(other) => return build(other, all.len() > 1, None),
            Branches::Several => union(all)?,
        },
        Kind::Null => {
            return Err("Standalone null schemas are not supported by this converter".to_owned());
        }
        Kind::Boolean => SchemaBuilder::new(ConnectKind::Boolean),
        Kind::Int => int(avro)?,
        Kind::Long if avro.is_logical("timestamp-millis") => logical::timestamp(),
        Kind::Long => SchemaBuilder::new(ConnectKind::Int64),
        Kind::Float => SchemaBuilder::new(ConnectKind::Float32),
        Kind::Double => SchemaBuilder::new(ConnectKind::Float64),
        Kind::Bytes if avro.is_logical("decimal") => decimal(avro)?,
        Kind::Bytes => SchemaBuilder::new(ConnectKind::Bytes),
        Kind::String => SchemaBuilder::new(ConnectKind::String),
        Kind::Array(items) => {
            if is_map_entry(items) {
                return Err(format!("Lists of {MAP_ENTRY} are not supported: use a map"));
            }
            SchemaBuilder::new(ConnectKind::Array(schema(items)?))
        }
        Kind::Map(values) => {
            SchemaBuilder::new(ConnectKind::Map { key: Schema::string(), value: schema(values)? })
        }
        Kind::Record(named, fields) => {
            if avro.is_logical("variant") {
                return Err("The logical type variant is not supported".to_owned());
            }
            record(named, fields)?
        }
        Kind::Enum(named, symbols) => enumeration(named, symbols),
        Kind::Fixed(_, size) => {
            let builder = match avro.is_logical("decimal") {
                true => decimal(avro)?,
                false => SchemaBuilder::new(ConnectKind::Bytes),
            };
            builder.parameter(FIXED_SIZE, &size.to_string())
        }
    };
    describe(avro, builder, optional, default)
}

fn is_map_entry(items: &Avro) -> bool {
    matches!(&items.kind, Kind::Record(named, _) if named.full == MAP_ENTRY
        || items.properties.get(INTERNAL_TYPE).and_then(Json::as_str) == Some("MapEntry"))
}

fn int(avro: &Avro) -> Result<SchemaBuilder> {
    if avro.is_logical("date") {
        return Ok(logical::date());
    }
    if avro.is_logical("time-millis") {
        return Ok(logical::time());
    }
    let has_logical = avro.properties.get("logicalType").is_some_and(Json::is_string);
    let kind = match avro.properties.get("connect.type").and_then(Json::as_str) {
        Some("int8") if !has_logical => ConnectKind::Int8,
        Some("int16") if !has_logical => ConnectKind::Int16,
        Some(other) if !has_logical => {
            return Err(format!("connect.type of an int is {other}, not int8 or int16"));
        }
        _ => ConnectKind::Int32,
    };
    Ok(SchemaBuilder::new(kind))
}

fn decimal(avro: &Avro) -> Result<SchemaBuilder> {
    let scale = avro.whole("scale").unwrap_or_default();
    let scale = i32::try_from(scale).map_err(|_| format!("No scale of a decimal: {scale}"))?;
    let builder = logical::decimal(scale);
    Ok(match avro.whole("precision") {
        Some(precision) if precision != PRECISION_DEFAULT => {
            builder.parameter(DECIMAL_PRECISION, &precision.to_string())
        }
        _ => builder,
    })
}

fn record(named: &Named, fields: &[Field]) -> Result<SchemaBuilder> {
    let mut docs = Vec::new();
    if let Some(doc) = &named.doc {
        docs.push((RECORD_DOC.to_owned(), doc));
    }
    let mut list: Vec<(Str, Schema)> = Vec::with_capacity(fields.len());
    for field in fields {
        if let Some(doc) = &field.doc {
            docs.push((format!("{FIELD_DOC}{}", field.name), doc));
        }
        let mut own = build(&field.schema, false, field.default.as_ref())
            .map_err(|error| format!("Field {}: {error}", field.name))?;
        if let Some(parameters) = field.properties.get("connect.parameters") {
            own = with_parameters(own.to_builder(), parameters)?.build_plain();
        }
        list.push((field.name.as_str().into(), own));
    }
    let builder = SchemaBuilder::structure(list).map_err(|error| error.message().to_owned())?;
    let builder = builder.name(Some(named.full.as_str().into()));
    Ok(docs.iter().fold(builder, |builder, (key, doc)| builder.parameter(key, doc)))
}

fn enumeration(named: &Named, symbols: &Symbols) -> SchemaBuilder {
    let mut builder = SchemaBuilder::new(ConnectKind::String);
    if let Some(doc) = &named.doc {
        builder = builder.parameter(&format!("{ENUM_DOC}{}", named.simple()), doc);
    }
    if let Some(default) = &symbols.default {
        builder = builder.parameter(&format!("{ENUM_DEFAULT}{}", named.simple()), default);
    }
    builder = builder.parameter(ENUM, &named.full);
    symbols
        .list
        .iter()
        .fold(builder, |builder, symbol| builder.parameter(&format!("{ENUM}.{symbol}"), symbol))
}

fn union(all: &[std::sync::Arc<Avro>]) -> Result<SchemaBuilder> {
    let mut fields: Vec<(Str, Schema)> = Vec::with_capacity(all.len());
    for branch in all.iter().filter(|branch| !branch.is_null()) {
        let name = branch_name(branch);
        if fields.iter().any(|(known, _)| &**known == name) {
            return Err(format!(
                "Multiple union schemas map to the Connect union field name {name}"
            ));
        }
        fields.push((name.into(), build(branch, true, None)?));
    }
    let builder = SchemaBuilder::structure(fields).map_err(|error| error.message().to_owned())?;
    let optional = all.iter().any(|branch| branch.is_null());
    Ok(builder.set_optional(optional).name(Some(UNION.into())))
}

/// Adds what stands beside the type.
fn describe(
    avro: &Avro,
    mut builder: SchemaBuilder,
    optional: bool,
    default: Option<&Json>,
) -> Result<Schema> {
    let beside = |key: &str| avro.properties.get(key);
    if let Some(doc) = beside("connect.doc").and_then(Json::as_str) {
        builder = builder.doc(Some(doc.into()));
    }
    if let Some(version) = beside("connect.version") {
        let version = version.as_i64().and_then(|version| i32::try_from(version).ok());
        builder = builder.version(Some(version.ok_or("Invalid Connect version found")?));
    }
    if let Some(parameters) = beside("connect.parameters") {
        builder = with_parameters(builder, parameters)?;
    }
    for (key, value) in avro.properties.iter().filter(|(key, _)| key.starts_with("avro")) {
        builder = builder.parameter(key, &shown(value));
    }
    let of_connect = beside("connect.default");
    if default.is_some() && of_connect.is_none() {
        builder = builder.parameter(FIELD_DEFAULT, "true");
    }
    if let Some(name) = beside("connect.name") {
        builder = builder.name(Some(name.as_str().ok_or("Invalid schema name")?.into()));
    }
    if optional {
        builder = builder.optional();
    }
    let schema = builder.clone().build_plain();
    let Some(json) = default.or(of_connect) else { return Ok(schema) };
    let value = read(Rules::Default, avro, &schema, json)
        .map_err(|error| format!("Invalid default {json}: {error}"))?;
    Ok(match value.is_null() {
        true => schema,
        false => builder.default_value(Some(value)).build_plain(),
    })
}

fn with_parameters(builder: SchemaBuilder, parameters: &Json) -> Result<SchemaBuilder> {
    let Json::Object(pairs) = parameters else {
        return Err(format!("Expected JSON object for schema parameters but found: {parameters}"));
    };
    pairs.iter().try_fold(builder, |builder, (key, value)| match value.as_str() {
        Some(value) => Ok(builder.parameter(key, value)),
        None => Err(format!("Expected schema parameter values to be strings but found: {value}")),
    })
}

/// A text as it is, anything else as JSON.
fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
