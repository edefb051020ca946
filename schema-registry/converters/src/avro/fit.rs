//! How values of a Connect schema become those of a registered schema, which may be another than
//! the one that would be made of it.
//!
//! Fields are found by their names, numbers are widened, branches are chosen by type and name.
//! Where a part does not fit, only values that have that part fail.

use std::collections::HashMap;

use gantry_model::logical::{self, Logical};
use gantry_model::{Error, Field, Kind, Result, Schema};
use gantry_schema_avro::{
    AvroSchema, Field as AvroField, Kind as Named, Logical as Meaning, Primitive, Type, Types,
};
use gantry_schema_model::Node;

use super::binary::{put_long, put_sized};
use super::keys::Settings;
use super::to_avro::{MAX_DEPTH, MAX_TYPES};
use super::to_connect::{branch_name, is_null, map_entry};
use super::write::{Entries, Null, Op, Record, Root, Source, Step, Symbols, Writer};
use super::{anything, defaults, names, shape};

/// Plans how values of a Connect schema are written.
pub(super) fn writer(
    settings: &Settings,
    connect: Option<&Schema>,
    registered: &AvroSchema,
) -> Result<Writer> {
    let Some(schema) = connect else {
        if !anything::is_schema(registered) {
            return Err(Error::data(format!(
                "A value without a schema is written as {}.Anything, but the registered schema is \
                 {}",
                names::NAMESPACE,
                registered.types().name_of(registered.root())
            )));
        }
        return Ok(Writer { schema: None, root: Root::Anything });
    };
    let mut plan = Plan { settings, types: registered.types(), count: 0 };
    let step = plan.step(schema, registered.root(), 0)?;
    let root = match registered.root() {
        Type::Primitive(Primitive::Bytes, _) => Root::Raw(step),
        _ => Root::Value(step),
    };
    Ok(Writer { schema: Some(schema.clone()), root })
}

struct Plan<'a> {
    settings: &'a Settings,
    types: &'a Types,
    count: usize,
}

/// How well a type suits values: less is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The type and the name that the Connect schema would have.
    Own,
    /// Another name, or text for an enum.
    Alike,
    /// Every value has a place in it.
    Wider,
    /// The same, by another kind of number.
    Other,
    /// With less precision.
    Vaguer,
    /// Some values have a place in it.
    Narrower,
}

fn unfit(schema: &Schema, avro: &str) -> Op {
    Op::Unfit(format!("of {schema:?} does not fit {avro} of the registered schema").into())
}

impl<'a> Plan<'a> {
    fn step(&mut self, schema: &Schema, avro: &'a Type, depth: usize) -> Result<Step> {
        self.count += 1;
        if depth > MAX_DEPTH || self.count > MAX_TYPES {
            return Err(Error::data(format!(
                "The schema has more than {MAX_DEPTH} levels or {MAX_TYPES} types"
            )));
        }
        let null = null_of(schema, avro);
        if shape::is_union(schema) {
            let op = self.union(schema, avro, depth)?;
            return Ok(Step { null, branch: None, op });
        }
        let Type::Union(branches) = avro else {
            return Ok(Step { null, branch: None, op: self.op(schema, avro, depth)? });
        };
        match self.branch(schema, branches) {
            Ok((at, branch)) => {
                Ok(Step { null, branch: Some(at), op: self.op(schema, branch, depth)? })
            }
            Err(reason) => Ok(Step { null, branch: None, op: Op::Unfit(reason.into()) }),
        }
    }

    /// The branch that suits a schema best.
    fn branch(
        &self,
        schema: &Schema,
        branches: &'a [Type],
    ) -> std::result::Result<(u32, &'a Type), String> {
        let fits = || branches.iter().filter_map(|branch| self.fit(schema, branch));
        let kind = schema.kind().type_name();
        let Some(best) = fits().min() else {
            let all: Vec<&str> = branches.iter().map(|branch| self.types.name_of(branch)).collect();
            return Err(format!(
                "of {kind} fits no branch of the registered union of {}",
                all.join(", ")
            ));
        };
        if fits().filter(|fit| *fit == best).count() > 1 {
            return Err(format!(
                "of {kind} fits several branches of the registered union, none by its name"
            ));
        }
        branches
            .iter()
            .enumerate()
            .find(|(_, branch)| self.fit(schema, branch) == Some(best))
            .and_then(|(at, branch)| Some((u32::try_from(at).ok()?, branch)))
            .ok_or_else(|| format!("of {kind} has no branch"))
    }

    /// How well a type suits a schema, going by type and name only.
    fn fit(&self, schema: &Schema, avro: &Type) -> Option<Fit> {
        let own_name = |own: Option<&str>| {
            let own = own.map(|name| names::scrub_full(name, self.settings.scrub_names));
            let is_own = own.is_some_and(|own| own == self.types.name_of(avro));
            if is_own { Fit::Own } else { Fit::Alike }
        };
        let name = schema.name().map(|name| &**name);
        let is_enum = shape::enumeration(self.settings, schema);
        Some(match (schema.kind(), self.types.kind_of(avro)) {
            (Kind::Boolean, "boolean")
            | (Kind::Int8 | Kind::Int16 | Kind::Int32, "int")
            | (Kind::Int64, "long")
            | (Kind::Float32, "float")
            | (Kind::Float64, "double")
            | (Kind::Array(_), "array")
            | (Kind::Map { .. }, "map") => Fit::Own,
            (Kind::Map { key, .. }, "array") if *key.kind() == Kind::String => Fit::Alike,
            (Kind::Map { .. }, "array") => Fit::Own,
            (Kind::String, "string") if is_enum.is_none() => Fit::Own,
            (Kind::String, "string") => Fit::Alike,
            (Kind::String, "enum") => match is_enum {
                Some((_, Some(name))) if name == self.types.name_of(avro) => Fit::Own,
                _ => Fit::Alike,
            },
            (Kind::Bytes, "bytes") if shape::fixed_size(schema).ok()?.is_none() => Fit::Own,
            (Kind::Bytes, "bytes") => Fit::Alike,
            (Kind::Bytes, "fixed") => own_name(name),
            (Kind::Struct(_), "record") if shape::is_variant(schema) => {
                own_name(Some(VARIANT_FULL))
            }
            (Kind::Struct(_), "record") => own_name(name),
            (Kind::Int8 | Kind::Int16 | Kind::Int32, "long") | (Kind::Float32, "double") => {
                Fit::Wider
            }
            (Kind::Int8 | Kind::Int16 | Kind::Int32, "double") => Fit::Other,
            (Kind::Int8 | Kind::Int16 | Kind::Int32, "float") | (Kind::Int64, "double") => {
                Fit::Vaguer
            }
            (Kind::Int64, "int" | "float") | (Kind::Float64, "float") => Fit::Narrower,
            _ => return None,
        })
    }

    /// How values are written by a type that is no union.
    fn op(&mut self, schema: &Schema, avro: &'a Type, depth: usize) -> Result<Op> {
        let meaning = self.types.attributes(avro).and_then(|beside| beside.logical);
        if let Some(logical) = Logical::of(schema) {
            return self.logical(logical, schema, avro, meaning);
        }
        let kind = self.types.kind_of(avro);
        Ok(match (schema.kind(), avro) {
            (Kind::Array(element), Type::Array(items, _)) => {
                Op::Array(Box::new(self.step(element, items, depth + 1)?))
            }
            (Kind::Map { key, value }, Type::Map(values, _)) if *key.kind() == Kind::String => {
                Op::Map(Box::new(self.step(value, values, depth + 1)?))
            }
            (Kind::Map { key, value }, Type::Array(items, _)) => {
                self.entries(key, value, items, depth)?.unwrap_or_else(|| unfit(schema, kind))
            }
            (Kind::Struct(fields), Type::Named(id)) => match &self.types.get(*id).kind {
                Named::Record { fields: registered, .. } => {
                    self.record(schema, fields.list(), registered, depth)?
                }
                _ => unfit(schema, kind),
            },
            (Kind::String, Type::Named(id)) => match &self.types.get(*id).kind {
                Named::Enum { symbols, .. } => Op::Enum(Box::new(sorted(symbols))),
                _ => unfit(schema, kind),
            },
            (Kind::Bytes, Type::Named(id)) => match &self.types.get(*id).kind {
                Named::Fixed { size } => Op::Fixed(*size as usize),
                _ => unfit(schema, kind),
            },
            (connect, Type::Primitive(primitive, _)) => {
                primitive_op(connect, *primitive).unwrap_or_else(|| unfit(schema, kind))
            }
            _ => unfit(schema, kind),
        })
    }

    /// Values with a meaning go only where that meaning is the same, or where there is none.
    fn logical(
        &self,
        logical: Logical,
        schema: &Schema,
        avro: &Type,
        meaning: Option<Meaning>,
    ) -> Result<Op> {
        let size = match avro {
            Type::Named(id) => match self.types.get(*id).kind {
                Named::Fixed { size } => Some(size as usize),
                _ => None,
            },
            _ => None,
        };
        let kind = self.types.kind_of(avro);
        Ok(match (logical, schema.kind(), kind, meaning) {
            (Logical::Decimal, Kind::Bytes, "bytes" | "fixed", meaning) => {
                let scale = logical::scale(schema)?;
                match meaning {
                    Some(Meaning::Decimal { scale: own, .. })
                        if i64::from(own) != i64::from(scale) =>
                    {
                        Op::Unfit(
                            format!("has the scale {scale}, the registered decimal {own}").into(),
                        )
                    }
                    None | Some(Meaning::Decimal { .. }) => Op::Decimal { scale, size },
                    Some(other) => unfit(schema, other.name()),
                }
            }
            (Logical::Date, Kind::Int32, "int", None | Some(Meaning::Date))
            | (Logical::Date, Kind::Int32, "long", None) => Op::Date,
            (Logical::Time, Kind::Int32, "int", None | Some(Meaning::TimeMillis))
            | (Logical::Time, Kind::Int32, "long", None) => Op::Time(1),
            (Logical::Time, Kind::Int32, "long", Some(Meaning::TimeMicros)) => Op::Time(1000),
            (Logical::Timestamp, Kind::Int64, "long", meaning) => match meaning {
                None | Some(Meaning::TimestampMillis | Meaning::LocalTimestampMillis) => {
                    Op::Timestamp(1)
                }
                Some(Meaning::TimestampMicros | Meaning::LocalTimestampMicros) => {
                    Op::Timestamp(1000)
                }
                Some(Meaning::TimestampNanos | Meaning::LocalTimestampNanos) => {
                    Op::Timestamp(1_000_000)
                }
                Some(other) => unfit(schema, other.name()),
            },
            (.., Some(other)) => unfit(schema, other.name()),
            (_, _, kind, None) => unfit(schema, kind),
        })
    }

    fn entries(
        &mut self,
        key: &Schema,
        value: &Schema,
        items: &'a Type,
        depth: usize,
    ) -> Result<Option<Op>> {
        let Some(fields) = self.types.fields(items) else { return Ok(None) };
        let Some((key_field, value_field)) = map_entry(self.types, items)? else {
            return Ok(None);
        };
        let value_first = fields.first().is_some_and(|field| field.name == names::VALUE);
        let key = self.step(key, &key_field.schema, depth + 1)?;
        let value = self.step(value, &value_field.schema, depth + 1)?;
        Ok(Some(Op::Entries(Box::new(Entries { key, value, value_first }))))
    }

    fn record(
        &mut self,
        schema: &Schema,
        fields: &[Field],
        registered: &'a [AvroField],
        depth: usize,
    ) -> Result<Op> {
        let scrub_names = self.settings.scrub_names;
        let own: HashMap<_, &Field> =
            fields.iter().map(|field| (names::scrub(&field.name, scrub_names), field)).collect();
        let mut sources = Vec::with_capacity(registered.len());
        for field in registered {
            sources.push(match own.get(field.name.as_str()) {
                Some(own) => self.source(own, &field.schema, depth)?,
                None => self.missing(field),
            });
        }
        Ok(Op::Struct(Box::new(record(schema, sources))))
    }

    fn source(&mut self, field: &Field, avro: &'a Type, depth: usize) -> Result<Source> {
        Ok(Source::Field {
            at: field.index,
            default: self.default(&field.schema),
            step: self.step(&field.schema, avro, depth + 1)?,
        })
    }

    /// What stands in place of null.
    fn default(&self, schema: &Schema) -> Option<gantry_model::Value> {
        let is_ignored = self.settings.ignore_default && schema.is_optional();
        schema.default_value().filter(|_| !is_ignored).cloned()
    }

    fn missing(&self, field: &AvroField) -> Source {
        let mut encoder = Encoder { types: self.types, steps: 0 };
        let bytes = field.default.as_ref().and_then(|default| {
            let mut out = Vec::new();
            encoder.value(&field.schema, default, &mut out, 0)?;
            Some(out)
        });
        match bytes {
            Some(bytes) => Source::Constant(bytes.into()),
            None => Source::Missing(field.name.as_str().into()),
        }
    }

    /// A struct that stands for a union: each field is written as if it stood there itself, by
    /// the branch that it was made of, or by the one that suits it best.
    fn union(&mut self, schema: &Schema, avro: &'a Type, depth: usize) -> Result<Op> {
        let branches = match avro {
            Type::Union(branches) => &branches[..],
            _ => &[],
        };
        let mut sources = Vec::new();
        for field in schema.fields().map_or(&[][..], |fields| fields.list()) {
            let own = branches.iter().zip(0..).find(|(branch, at)| {
                branch_name(self.settings, self.types, branch, *at) == *field.name
                    && self.fit(&field.schema, branch).is_some()
            });
            let mut source = self.source(field, own.map_or(avro, |(branch, _)| branch), depth)?;
            if let (Source::Field { step, .. }, Some((_, at))) = (&mut source, own) {
                step.branch = u32::try_from(at).ok();
            }
            sources.push(source);
        }
        Ok(Op::Union(Box::new(record(schema, sources))))
    }
}

const VARIANT_FULL: &str = "confluent.type.Variant";

fn record(schema: &Schema, sources: Vec<Source>) -> Record {
    let has_default = schema.default_value().is_some();
    let bare = has_default.then(|| schema.to_builder().default_value(None).build_plain());
    Record { schema: schema.clone(), bare, fields: sources.into() }
}

fn null_of(schema: &Schema, avro: &Type) -> Null {
    match avro {
        _ if !schema.is_optional() => Null::Required,
        Type::Union(branches) => {
            let at = branches.iter().position(is_null).and_then(|at| u32::try_from(at).ok());
            at.map_or(Null::Unfit, Null::Branch)
        }
        Type::Primitive(Primitive::Null, _) => Null::Empty,
        _ => Null::Unfit,
    }
}

fn sorted(symbols: &[String]) -> Symbols {
    let mut all: Vec<(String, i32)> = symbols.iter().cloned().zip(0..).collect();
    all.sort();
    Symbols(all)
}

fn primitive_op(connect: &Kind, primitive: Primitive) -> Option<Op> {
    let is_whole = matches!(connect, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64);
    let is_number = is_whole || matches!(connect, Kind::Float32 | Kind::Float64);
    Some(match (connect, primitive) {
        (Kind::Boolean, Primitive::Boolean) => Op::Boolean,
        (Kind::String, Primitive::String) => Op::String,
        (Kind::Bytes, Primitive::Bytes) => Op::Bytes,
        (_, Primitive::Int) if is_whole => Op::Int,
        (_, Primitive::Long) if is_whole => Op::Long,
        (_, Primitive::Float) if is_number => Op::Float,
        (_, Primitive::Double) if is_number => Op::Double,
        _ => return None,
    })
}

/// Writes defaults, which are JSON.
struct Encoder<'a> {
    types: &'a Types,
    /// Defaults of records within defaults can multiply.
    steps: usize,
}

impl Encoder<'_> {
    /// Appends a value; `None` if the JSON is none of the type's.
    fn value(&mut self, avro: &Type, node: &Node, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        self.steps += 1;
        if depth > MAX_DEPTH || self.steps > MAX_TYPES {
            return None;
        }
        match (avro, node) {
            (Type::Union(branches), node) => {
                let begin = out.len();
                for (at, branch) in branches.iter().enumerate() {
                    out.truncate(begin);
                    put_long(out, at as i64);
                    if self.value(branch, node, out, depth + 1).is_some() {
                        return Some(());
                    }
                }
                return None;
            }
            (Type::Array(items, _), Node::List(list)) => {
                if !list.is_empty() {
                    put_long(out, list.len() as i64);
                }
                for item in list {
                    self.value(items, item, out, depth + 1)?;
                }
                put_long(out, 0);
            }
            (Type::Map(values, _), Node::Map(pairs)) => {
                if !pairs.is_empty() {
                    put_long(out, pairs.len() as i64);
                }
                for (key, value) in pairs {
                    put_sized(out, key.as_bytes());
                    self.value(values, value, out, depth + 1)?;
                }
                put_long(out, 0);
            }
            (Type::Primitive(primitive, _), node) => primitive_default(*primitive, node, out)?,
            (Type::Named(id), node) => match (&self.types.get(*id).kind, node) {
                (Named::Record { fields, .. }, Node::Map(_)) => {
                    for field in fields {
                        let node = node.get(&field.name).or(field.default.as_ref())?;
                        self.value(&field.schema, node, out, depth + 1)?;
                    }
                }
                (Named::Enum { symbols, .. }, Node::Text(text)) => {
                    let at = symbols.iter().position(|symbol| symbol == text)?;
                    put_long(out, at as i64);
                }
                (Named::Fixed { size }, Node::Text(text)) => {
                    let bytes = defaults::bytes(text)?;
                    (bytes.len() == *size as usize).then(|| out.extend_from_slice(&bytes))?;
                }
                _ => return None,
            },
            _ => return None,
        }
        Some(())
    }
}

fn primitive_default(primitive: Primitive, node: &Node, out: &mut Vec<u8>) -> Option<()> {
    let floating = || match node {
        Node::Number(text) | Node::Text(text) => gantry_model::text::parse_double(text),
        _ => None,
    };
    match (primitive, node) {
        (Primitive::Null, Node::Null) => {}
        (Primitive::Boolean, Node::Bool(flag)) => out.push(u8::from(*flag)),
        (Primitive::Int, Node::Number(text)) => put_long(out, text.parse::<i32>().ok()?.into()),
        (Primitive::Long, Node::Number(text)) => put_long(out, text.parse().ok()?),
        (Primitive::Float, _) => out.extend_from_slice(&(floating()? as f32).to_le_bytes()),
        (Primitive::Double, _) => out.extend_from_slice(&floating()?.to_le_bytes()),
        (Primitive::String, Node::Text(text)) => put_sized(out, text.as_bytes()),
        (Primitive::Bytes, Node::Text(text)) => put_sized(out, &defaults::bytes(text)?),
        _ => return None,
    }
    Some(())
}
