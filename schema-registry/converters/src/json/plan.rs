//! How values of a Connect schema stand in JSON: worked out once, for writing and for reading.

use gantry_converters::jackson::write;
use gantry_model::logical::Logical;
use gantry_model::record::Str;
use gantry_model::{Error, Kind, Result, Schema};

use super::config::Settings;

/// The field that keeps properties which a schema does not name.
pub(crate) const EXTRAS_FIELD: &str = "__connect_additional_properties__";
/// The name of a schema whose values are any JSON.
pub(crate) const VARIANT: &str = "org.apache.kafka.connect.data.Variant";
/// The name of a union in this format, and the prefix of its fields.
pub(crate) const ONE_OF: &str = "io.confluent.connect.json.OneOf";
/// The parameter that makes a struct a union in all formats.
pub(crate) const UNION_PARAMETER: &str = "org.apache.kafka.connect.data.Union";
/// The parameter that makes a text an enum in this format.
pub(crate) const JSON_ENUM: &str = "io.confluent.connect.json.Enum";
/// The parameter that makes a text an enum in all formats.
pub(crate) const GENERAL_ENUM: &str = "org.apache.kafka.connect.data.Enum";
/// The keys of an entry where a map is a list of entries.
pub(crate) const KEY: &str = "key";
pub(crate) const VALUE: &str = "value";

/// As deep as JSON Schemas may be: whatever follows a schema uses the stack.
pub(crate) const DEPTH_MAX: usize = 200;

/// How values of one schema stand in JSON.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) schema: Schema,
    pub(crate) form: Form,
    /// What is written for null.
    pub(crate) null: OnNull,
}

/// What is written for null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnNull {
    /// The schema's default.
    Default,
    /// `null`
    Null,
    /// Nothing: a property is left out.
    Nothing,
}

/// What stands in JSON.
#[derive(Debug)]
pub(crate) enum Form {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    Bytes,
    Decimal,
    Date,
    Time,
    Timestamp,
    /// Any JSON.
    Variant,
    Array(Box<Plan>),
    /// A map with text keys.
    Object(Box<Plan>),
    /// A map with other keys: a list of objects with a key and a value.
    Entries(Box<[Plan; 2]>),
    Struct(Fields),
    /// The struct's only field that is not null.
    Union(Fields),
}

/// The fields of a struct.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) list: Vec<FieldPlan>,
    /// The place of [`EXTRAS_FIELD`], if the struct has it and it is in use.
    pub(crate) extras: Option<usize>,
}

/// A field.
#[derive(Debug)]
pub(crate) struct FieldPlan {
    pub(crate) name: Str,
    /// The name in quotes and the colon, as they stand in most documents.
    pub(crate) quoted: Box<[u8]>,
    pub(crate) plan: Plan,
}

impl Plan {
    /// The plan for a schema.
    pub(crate) fn new(schema: &Schema, settings: &Settings) -> Result<Self> {
        Self::within(schema, settings, 0)
    }

    fn within(schema: &Schema, settings: &Settings, depth: usize) -> Result<Self> {
        if depth > DEPTH_MAX {
            return Err(Error::data(format!(
                "The schema has more than {DEPTH_MAX} structs, lists and maps within each other"
            )));
        }
        if schema.is_absent() {
            return Err(Error::data("A part of the schema is missing: elements have no type"));
        }
        let part = |schema: &Schema| Self::within(schema, settings, depth + 1);
        let form = match special(schema)? {
            Some(form) => form,
            None => match schema.kind() {
                Kind::Boolean => Form::Boolean,
                Kind::Int8 => Form::Int8,
                Kind::Int16 => Form::Int16,
                Kind::Int32 => Form::Int32,
                Kind::Int64 => Form::Int64,
                Kind::Float32 => Form::Float32,
                Kind::Float64 => Form::Float64,
                Kind::String => Form::String,
                Kind::Bytes => Form::Bytes,
                Kind::Array(element) => Form::Array(Box::new(part(element)?)),
                Kind::Map { key, value } if is_object(key) => Form::Object(Box::new(part(value)?)),
                Kind::Map { key, value } => Form::Entries(Box::new([part(key)?, part(value)?])),
                Kind::Struct(_) => {
                    let fields = fields(schema, settings, part)?;
                    if is_union(schema) { Form::Union(fields) } else { Form::Struct(fields) }
                }
            },
        };
        Ok(Self { schema: schema.clone(), form, null: on_null(schema, settings) })
    }
}

/// The form of a schema that a name decides about.
fn special(schema: &Schema) -> Result<Option<Form>> {
    if is_variant(schema) {
        let fields = schema.fields().map(|fields| fields.list());
        let bytes = |at: usize, name: &str| {
            fields.and_then(|list| list.get(at)).is_some_and(|field| {
                &*field.name == name && matches!(field.schema.kind(), Kind::Bytes)
            })
        };
        if fields.is_none_or(|list| list.len() != 2) || !bytes(0, "metadata") || !bytes(1, "value")
        {
            return Err(Error::data(format!(
                "A schema by the name {VARIANT} must be a struct of the bytes 'metadata' and \
                 'value', and this one is not"
            )));
        }
        return Ok(Some(Form::Variant));
    }
    Ok(Logical::of(schema).map(|logical| match logical {
        Logical::Decimal => Form::Decimal,
        Logical::Date => Form::Date,
        Logical::Time => Form::Time,
        Logical::Timestamp => Form::Timestamp,
    }))
}

fn fields(
    schema: &Schema,
    settings: &Settings,
    part: impl Fn(&Schema) -> Result<Plan>,
) -> Result<Fields> {
    let list = schema.fields().map(|fields| fields.list()).unwrap_or_default();
    let plan = |field: &gantry_model::Field| {
        let mut quoted = Vec::with_capacity(field.name.len() + 3);
        write::string(&mut quoted, &field.name);
        quoted.push(b':');
        Ok(FieldPlan {
            name: field.name.clone(),
            quoted: quoted.into(),
            plan: part(&field.schema)?,
        })
    };
    Ok(Fields {
        list: list.iter().map(plan).collect::<Result<_>>()?,
        extras: list.iter().position(|field| is_extras(field, settings)),
    })
}

fn on_null(schema: &Schema, settings: &Settings) -> OnNull {
    let default = schema.default_value().is_some_and(|value| !value.is_null());
    if default && !settings.ignore_default_for_nullables {
        OnNull::Default
    } else if schema.is_optional() {
        OnNull::Null
    } else {
        OnNull::Nothing
    }
}

/// Whether a map with such keys is an object.
pub(crate) fn is_object(key: &Schema) -> bool {
    *key.kind() == Kind::String && !key.is_optional()
}

/// Whether values are any JSON.
pub(crate) fn is_variant(schema: &Schema) -> bool {
    schema.name().is_some_and(|name| &**name == VARIANT)
}

/// Whether a text is one of the symbols of an enum.
pub(crate) fn is_enum(schema: &Schema) -> bool {
    schema
        .parameters()
        .is_some_and(|all| all.contains_key(JSON_ENUM) || all.contains_key(GENERAL_ENUM))
}

/// Whether a struct is a union, of which one field has a value.
pub(crate) fn is_union(schema: &Schema) -> bool {
    schema.name().is_some_and(|name| &**name == ONE_OF)
        || schema.parameters().is_some_and(|all| all.contains_key(UNION_PARAMETER))
}

/// Whether a field keeps the properties that a schema does not name.
pub(crate) fn is_extras(field: &gantry_model::Field, settings: &Settings) -> bool {
    settings.preserve_additional_properties
        && &*field.name == EXTRAS_FIELD
        && match field.schema.kind() {
            Kind::Map { key, value } => *key.kind() == Kind::String && is_variant(value),
            _ => false,
        }
}
