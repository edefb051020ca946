//! Parquet schemas of Connect schemas, as `AvroData` and `AvroSchemaConverter` make them in Java, one after the other.

use std::sync::Arc;

use gantry_api::model::logical::{self, Logical};
use gantry_api::{Error, Kind, Result, Schema};
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

use super::column::Column;
use super::shred::{Leaf, Node, Step};

/// Schemas within each other.
const DEPTH_MAX: usize = 100;
/// What Avro gives a decimal whose schema does not say.
const PRECISION: i32 = 64;
const PRECISION_PARAMETER: &str = "connect.decimal.precision";
const ENUM_PARAMETER: &str = "io.confluent.connect.avro.Enum";
const UNION: &str = "io.confluent.connect.avro.Union";
const ROOT: &str = "ConnectDefault";

/// A schema, and how values are divided among its columns.
pub(super) struct Plan {
    pub(super) root: TypePtr,
    pub(super) step: Step,
    pub(super) columns: Vec<Column>,
}

/// The levels of a place.
#[derive(Clone, Copy)]
struct At {
    definition: i16,
    repetition: i16,
    depth: usize,
}

struct Planner {
    columns: Vec<Column>,
    /// Lists have a group around each element, which can be null then.
    has_list_groups: bool,
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn failed(error: ParquetError) -> Error {
    Error::data(format!("The schema has no form in Parquet: {error}"))
}

/// Plans a file of structs.
pub(super) fn plan(schema: &Schema) -> Result<Plan> {
    if !matches!(schema.kind(), Kind::Struct(_)) {
        return Err(Error::data(format!(
            "Parquet files hold structs only, and the schema is {}: use another format, or make structs of the values \
             by a transformation such as HoistField",
            schema.kind().type_name()
        )));
    }
    let mut planner =
        Planner { columns: Vec::new(), has_list_groups: has_optional_items(schema, 0) };
    let at = At { definition: 0, repetition: 0, depth: 0 };
    let name = schema.name().map_or(ROOT, |name| name);
    let (of, mut step) = planner.group(name, schema, Repetition::REQUIRED, at)?;
    // A row is always there.
    (step.is_optional, step.default) = (false, None);
    // The root itself has no repetition.
    let root = Type::group_type_builder(name).with_fields(of.get_fields().to_vec()).build();
    Ok(Plan { root: Arc::new(root.map_err(failed)?), step, columns: planner.columns })
}

/// Whether some list may hold null.
fn has_optional_items(schema: &Schema, depth: usize) -> bool {
    if depth > DEPTH_MAX {
        return false;
    }
    match schema.kind() {
        Kind::Struct(fields) => {
            fields.list().iter().any(|field| has_optional_items(&field.schema, depth + 1))
        }
        Kind::Map { value, .. } => has_optional_items(value, depth + 1),
        Kind::Array(item) => item.is_optional() || has_optional_items(item, depth + 1),
        _ => false,
    }
}

impl Planner {
    /// A place with a name: its type, and how values come there.
    fn place(&mut self, name: &str, schema: &Schema, at: At) -> Result<(Type, Step)> {
        let (repetition, at) = match schema.is_optional() {
            true => (Repetition::OPTIONAL, At { definition: at.definition + 1, ..at }),
            false => (Repetition::REQUIRED, at),
        };
        self.of(name, schema, repetition, at)
    }

    fn of(
        &mut self,
        name: &str,
        schema: &Schema,
        repetition: Repetition,
        at: At,
    ) -> Result<(Type, Step)> {
        if at.depth > DEPTH_MAX {
            return Err(Error::data(format!("The schema has more than {DEPTH_MAX} levels")));
        }
        let at = At { depth: at.depth + 1, ..at };
        match schema.kind() {
            Kind::Struct(_) => self.group(name, schema, repetition, at),
            Kind::Array(item) => self.list(name, schema, item, repetition, at),
            Kind::Map { key, value }
                if matches!(key.kind(), Kind::String) && !key.is_optional() =>
            {
                self.map(name, schema, (key, value), repetition, at)
            }
            Kind::Map { .. } => Err(Error::data(format!(
                "Field {name} is a map whose keys are no texts, or may be null, which has no form in Parquet here"
            ))),
            _ => self.leaf(name, schema, repetition, at),
        }
    }

    fn step(&self, name: &str, schema: &Schema, at: At, first: usize, node: Node) -> Step {
        Step {
            name: name.into(),
            is_optional: schema.is_optional(),
            default: schema.default_value().cloned(),
            definition: at.definition,
            columns: (first, self.columns.len()),
            node,
        }
    }

    fn group(
        &mut self,
        name: &str,
        schema: &Schema,
        repetition: Repetition,
        at: At,
    ) -> Result<(Type, Step)> {
        let first = self.columns.len();
        let is_union = schema.name().is_some_and(|name| &**name == UNION);
        let (mut types, mut steps) = (Vec::new(), Vec::new());
        for field in schema.fields().map(|fields| fields.list()).unwrap_or_default() {
            let member = format!("member{}", field.index);
            let name = if is_union { &member } else { &*field.name };
            let (of, step) = self.place(name, &field.schema, at)?;
            types.push(Arc::new(of));
            steps.push(step);
        }
        if types.is_empty() {
            return Err(Error::data(format!(
                "{name} is a struct without fields, which has no form in Parquet"
            )));
        }
        let of =
            Type::group_type_builder(name).with_repetition(repetition).with_fields(types).build();
        let step = self.step(name, schema, at, first, Node::Group(steps));
        Ok((of.map_err(failed)?, step))
    }

    fn list(
        &mut self,
        name: &str,
        schema: &Schema,
        item: &Schema,
        repetition: Repetition,
        at: At,
    ) -> Result<(Type, Step)> {
        let first = self.columns.len();
        let level = at.repetition + 1;
        let inner = At { definition: at.definition + 1, repetition: level, ..at };
        let (element, element_step) = if self.has_list_groups {
            let (element, step) = self.place("element", item, inner)?;
            let group = Type::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![Arc::new(element)]);
            (group.build().map_err(failed)?, step)
        } else {
            self.of("array", item, Repetition::REPEATED, inner)?
        };
        let of = Type::group_type_builder(name)
            .with_repetition(repetition)
            .with_converted_type(ConvertedType::LIST)
            .with_fields(vec![Arc::new(element)])
            .build();
        let node = Node::List(Box::new(element_step), level);
        let step = self.step(name, schema, at, first, node);
        Ok((of.map_err(failed)?, step))
    }

    fn map(
        &mut self,
        name: &str,
        schema: &Schema,
        (key, value): (&Schema, &Schema),
        repetition: Repetition,
        at: At,
    ) -> Result<(Type, Step)> {
        let first = self.columns.len();
        let level = at.repetition + 1;
        let inner = At { definition: at.definition + 1, repetition: level, ..at };
        let (key, key_step) = self.place("key", key, inner)?;
        let (value, value_step) = self.place("value", value, inner)?;
        let entries = Type::group_type_builder("key_value")
            .with_repetition(Repetition::REPEATED)
            .with_converted_type(ConvertedType::MAP_KEY_VALUE)
            .with_fields(vec![Arc::new(key), Arc::new(value)])
            .build();
        let of = Type::group_type_builder(name)
            .with_repetition(repetition)
            .with_converted_type(ConvertedType::MAP)
            .with_fields(vec![Arc::new(entries.map_err(failed)?)])
            .build();
        let node = Node::Map(Box::new((key_step, value_step)), level);
        let step = self.step(name, schema, at, first, node);
        Ok((of.map_err(failed)?, step))
    }

    fn leaf(
        &mut self,
        name: &str,
        schema: &Schema,
        repetition: Repetition,
        at: At,
    ) -> Result<(Type, Step)> {
        let (physical, converted, leaf) = leaf_of(schema)?;
        let first = self.columns.len();
        self.columns.push(Column::new(physical, at.definition, at.repetition)?);
        let mut builder = Type::primitive_type_builder(name, physical)
            .with_repetition(repetition)
            .with_converted_type(converted);
        if matches!(leaf, Leaf::Decimal(_)) {
            let given = schema.parameters().and_then(|all| all.get(PRECISION_PARAMETER));
            let precision = given.and_then(|text| text.parse().ok()).unwrap_or(PRECISION);
            builder = builder.with_precision(precision).with_scale(logical::scale(schema)?);
        }
        let of = builder.build().map_err(failed)?;
        let step = self.step(name, schema, at, first, Node::Leaf(leaf));
        Ok((of, step))
    }
}

fn leaf_of(schema: &Schema) -> Result<(Physical, ConvertedType, Leaf)> {
    let own = || schema.clone();
    match Logical::of(schema) {
        Some(Logical::Decimal) => {
            return Ok((Physical::BYTE_ARRAY, ConvertedType::DECIMAL, Leaf::Decimal(own())));
        }
        Some(Logical::Date) => {
            return Ok((Physical::INT32, ConvertedType::DATE, Leaf::Date(own())));
        }
        Some(Logical::Time) => {
            return Ok((Physical::INT32, ConvertedType::TIME_MILLIS, Leaf::Time(own())));
        }
        Some(Logical::Timestamp) => {
            return Ok((Physical::INT64, ConvertedType::TIMESTAMP_MILLIS, Leaf::Timestamp));
        }
        None => {}
    }
    let none = ConvertedType::NONE;
    Ok(match schema.kind() {
        Kind::Boolean => (Physical::BOOLEAN, none, Leaf::Boolean),
        Kind::Int8 | Kind::Int16 | Kind::Int32 => (Physical::INT32, none, Leaf::Int32),
        Kind::Int64 => (Physical::INT64, none, Leaf::Int64),
        Kind::Float32 => (Physical::FLOAT, none, Leaf::Float),
        Kind::Float64 => (Physical::DOUBLE, none, Leaf::Double),
        Kind::String => {
            let is_enum = schema.parameters().is_some_and(|all| all.contains_key(ENUM_PARAMETER));
            let converted = if is_enum { ConvertedType::ENUM } else { ConvertedType::UTF8 };
            (Physical::BYTE_ARRAY, converted, Leaf::Text)
        }
        Kind::Bytes => (Physical::BYTE_ARRAY, none, Leaf::Bytes),
        other => return Err(Error::data(format!("{} is no column", other.type_name()))),
    })
}
