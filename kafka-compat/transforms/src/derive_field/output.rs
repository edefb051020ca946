//! Derived fields in schemas.

use std::sync::Arc;

use gantry_model::schema::Field;
use gantry_model::{Kind, Result, Schema, SchemaBuilder, Str, logical};

use super::convert::Declared;
use super::program::Program;
use super::show::cut;
use super::types::{Known, Type};
use crate::support::{fields_of, with_fields};

impl Declared {
    const NAMES: [(&'static str, Self); 10] = [
        ("BOOLEAN", Self::Boolean),
        ("INT8", Self::Int8),
        ("INT16", Self::Int16),
        ("INT32", Self::Int32),
        ("INT64", Self::Int64),
        ("FLOAT32", Self::Float32),
        ("FLOAT64", Self::Float64),
        ("STRING", Self::Text),
        ("BYTES", Self::Bytes),
        ("TIMESTAMP", Self::Timestamp),
    ];

    pub(super) fn parse(text: &str) -> std::result::Result<Self, String> {
        let known = Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map(|(_, declared)| *declared).ok_or_else(|| {
            let names = Self::NAMES.map(|(name, _)| name);
            format!("there is no type {}; there are {}", cut(text), names.join(", "))
        })
    }

    pub(super) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    /// Whether values of a type can become this.
    fn takes(self, of: &Type) -> bool {
        match of {
            Type::Dyn | Type::Null => true,
            Type::Int | Type::Uint => {
                !matches!(self, Self::Boolean | Self::Text | Self::Bytes | Self::Timestamp)
            }
            Type::Double => matches!(self, Self::Float32 | Self::Float64),
            Type::Bool => self == Self::Boolean,
            Type::Text => self == Self::Text,
            Type::Bytes => self == Self::Bytes,
            Type::Timestamp => self == Self::Timestamp,
            Type::Duration => self == Self::Int64,
            Type::Decimal(_) | Type::List(_) | Type::Map(_) | Type::Pattern => false,
        }
    }

    /// What a field of this type is in later expressions.
    fn of(self) -> Type {
        match self {
            Self::Boolean => Type::Bool,
            Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64 => Type::Int,
            Self::Float32 | Self::Float64 => Type::Double,
            Self::Text => Type::Text,
            Self::Bytes => Type::Bytes,
            Self::Timestamp => Type::Timestamp,
        }
    }

    fn builder(self) -> SchemaBuilder {
        SchemaBuilder::new(match self {
            Self::Boolean => Kind::Boolean,
            Self::Int8 => Kind::Int8,
            Self::Int16 => Kind::Int16,
            Self::Int32 => Kind::Int32,
            Self::Int64 => Kind::Int64,
            Self::Float32 => Kind::Float32,
            Self::Float64 => Kind::Float64,
            Self::Text => Kind::String,
            Self::Bytes => Kind::Bytes,
            Self::Timestamp => return logical::timestamp(),
        })
    }
}

/// What a field is of an expression's type and, if so, of a declared one.
pub(super) fn known(of: Known, declared: Option<Declared>) -> std::result::Result<Known, String> {
    let Some(declared) = declared else {
        // What comes out of a field is what goes in: a duration is a number of milliseconds.
        let kept = match of.of {
            Type::Duration | Type::Uint => Type::Int,
            other => other,
        };
        return Ok(Known { of: kept, ..of });
    };
    if declared.takes(&of.of) {
        return Ok(Known { of: declared.of(), nullable: of.nullable });
    }
    let how = match declared.of() {
        Type::Text => ": string(…) makes a text of it",
        Type::Int => ": int(…) makes a whole number of it",
        Type::Double => ": double(…) makes a number of it",
        Type::Timestamp => ": timestamp(…) makes one of it",
        _ => "",
    };
    Err(format!("it is {}, which {} can never hold{how}", of.of, declared.name()))
}

/// Where the fields stand in structs of one schema.
pub(super) struct Plan {
    pub(super) schema: Schema,
    /// The place of each derived field.
    pub(super) places: Vec<usize>,
    pub(super) fields: Vec<Schema>,
}

impl Plan {
    pub(super) fn new(source: &Schema, program: &Program, always_optional: bool) -> Result<Self> {
        let types = program.types(source)?;
        let copy = |field: &Field| (Str::clone(&field.name), field.schema.clone());
        let mut list: Vec<(Str, Schema)> = fields_of(source)?.list().iter().map(copy).collect();
        let mut places = Vec::with_capacity(types.len());
        let mut fields = Vec::with_capacity(types.len());
        for (field, known) in program.fields.iter().zip(types) {
            let optional = always_optional || known.nullable;
            let schema =
                schema(&known.of, field.declared, optional).map_err(|why| field.failure(&why))?;
            fields.push(schema.clone());
            match list.iter().position(|(name, _)| *name == field.name) {
                Some(place) => {
                    places.push(place);
                    if let Some((_, old)) = list.get_mut(place) {
                        *old = schema;
                    }
                }
                None => {
                    places.push(list.len());
                    list.push((Str::clone(&field.name), schema));
                }
            }
        }
        Ok(Self { schema: with_fields(source, list)?, places, fields })
    }
}

fn schema(
    of: &Type,
    declared: Option<Declared>,
    optional: bool,
) -> std::result::Result<Schema, String> {
    if let Some(declared) = declared {
        return Ok(declared.builder().set_optional(optional).build_plain());
    }
    let builder = match of {
        Type::Bool => Declared::Boolean.builder(),
        Type::Int | Type::Uint | Type::Duration => Declared::Int64.builder(),
        Type::Double => Declared::Float64.builder(),
        Type::Text => Declared::Text.builder(),
        Type::Bytes => Declared::Bytes.builder(),
        Type::Timestamp => logical::timestamp(),
        Type::Decimal(Some(scale)) => logical::decimal(*scale),
        Type::List(item) => SchemaBuilder::new(Kind::Array(item_schema(item)?)),
        Type::Map(item) => {
            SchemaBuilder::new(Kind::Map { key: Schema::string(), value: item_schema(item)? })
        }
        Type::Dyn | Type::Null | Type::Decimal(None) | Type::Pattern => {
            return Err("the record has a schema, and it does not say of which type this is: declare it, as \
                        in name: INT64 = …, or convert it by int(), double() or string()"
                .to_owned());
        }
    };
    Ok(builder.set_optional(optional).build_plain())
}

fn item_schema(item: &Type) -> std::result::Result<Schema, String> {
    schema(item, None, true).map_err(|_| {
        "the record has a schema, and it does not say that all items of this list or map are of one type: take \
         one field, or convert the items by map(i, string(i))"
            .to_owned()
    })
}

/// So that the plan of a schema can be kept while records are changed by it.
pub(super) type SharedPlan = Arc<Plan>;
