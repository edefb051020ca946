//! A table as records have it: its topic, its schemas, and how rows become their values.

use std::sync::Arc;

use gantry_api::model::{Kind, Schema, SchemaBuilder, Struct};
use gantry_api::{Datum, Error, Result, Str, Value};

use super::columns::{Column, KeyColumns, Names, Rules, Treatment};
use super::names::{Adjustment, Naming, Strategy};
use super::patterns::Filter;

/// How tables become schemas.
#[derive(Clone, Debug)]
pub(crate) struct Shaping {
    pub(crate) naming: Naming,
    pub(crate) schema_names: Adjustment,
    pub(crate) field_names: Adjustment,
    pub(crate) rules: Rules,
    pub(crate) key_columns: KeyColumns,
    pub(crate) columns: Filter,
    /// The schema of the connector's `source`.
    pub(crate) source: Schema,
}

/// The name of a table in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TableName {
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
}

impl TableName {
    /// The part that stands before the table's in the name that users give it, as in `schema.table`.
    fn outer(&self, strategy: Strategy) -> Option<&str> {
        match strategy {
            Strategy::Schema => self.schema.as_deref(),
            Strategy::Database => self.database.as_deref(),
        }
    }

    /// All parts that there are.
    fn full(&self) -> String {
        let parts = [self.database.as_deref(), self.schema.as_deref(), Some(self.table.as_str())];
        let parts: Vec<&str> =
            parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        parts.join(".")
    }
}

/// `schema.table`, or `database.table` where there are no schemas.
impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.schema.as_deref().or(self.database.as_deref()) {
            Some(outer) if !outer.is_empty() => write!(f, "{outer}.{}", self.table),
            _ => f.write_str(&self.table),
        }
    }
}

/// Where a column's value goes.
#[derive(Clone, Debug)]
struct Place {
    /// The field of the row's struct; none if it is left out.
    field: Option<usize>,
    treatment: Treatment,
    of_null: Value,
    /// The schema of the field, where values are structs, which must have it.
    structs: Option<Schema>,
}

impl Place {
    fn value(&self, value: Value) -> Value {
        let value = if value.is_null() { self.of_null.clone() } else { value };
        let value = match &self.structs {
            Some(schema) => fit(value, schema),
            None => value,
        };
        self.treatment.apply(value)
    }
}

fn has_structs(schema: &Schema) -> bool {
    match schema.kind() {
        Kind::Struct(_) => true,
        Kind::Array(element) => has_structs(element),
        _ => false,
    }
}

/// A struct with the schema of its place, which says more than that of its type.
fn fit(value: Value, schema: &Schema) -> Value {
    match (value, schema.kind()) {
        (Value::Struct(inner), Kind::Struct(_)) => {
            let values = Arc::unwrap_or_clone(inner).into_values();
            Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)))
        }
        (Value::Array(list), Kind::Array(element)) => {
            let list = Arc::unwrap_or_clone(list);
            Value::array(list.into_iter().map(|one| fit(one, element)).collect())
        }
        (value, _) => value,
    }
}

/// A table with the schemas of its records.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: TableName,
    /// As users write it.
    pub(crate) text: Str,
    pub(crate) topic: Str,
    pub(crate) columns: Vec<Column>,
    pub(crate) envelope: Schema,
    pub(crate) row: Schema,
    /// The schema of keys, and the columns that they have.
    pub(crate) key: Option<(Schema, Vec<usize>)>,
    places: Vec<Place>,
    /// Whether a row's values are the struct's as they are.
    is_plain: bool,
    fields: usize,
}

impl Table {
    /// `key`: the columns of the primary key in its order, or of what stands for it.
    pub(crate) fn new(
        name: TableName,
        columns: Vec<Column>,
        key: &[usize],
        shaping: &Shaping,
    ) -> Result<Arc<Self>> {
        let text = name.to_string();
        let all = [name.full(), text.clone()];
        let names = Names { tables: &all };
        let topic = shaping.naming.changes(name.outer(shaping.naming.strategy), &name.table);
        let schema_name =
            |tail: &str| -> Str { shaping.schema_names.schema(&format!("{topic}.{tail}")).into() };
        let mut fields: Vec<(Str, Schema)> = Vec::with_capacity(columns.len());
        let mut places = Vec::with_capacity(columns.len());
        for column in &columns {
            let is_taken = all.iter().any(|table| {
                shaping.columns.is_set()
                    && shaping.columns.takes(&format!("{table}.{}", column.name))
            });
            let is_taken = is_taken || !shaping.columns.is_set();
            let (treatment, builder) = shaping.rules.of(column, &names);
            let field = (is_taken && column.schema.is_some()).then_some(fields.len());
            let mut structs = None;
            if field.is_some() {
                let name = shaping.field_names.field(&column.name);
                let schema = build(builder, &text, column)?;
                structs = has_structs(&schema).then(|| schema.clone());
                fields.push((name.into(), schema));
            }
            places.push(Place { field, treatment, of_null: column.of_null(), structs });
        }
        let is_plain = places.iter().enumerate().all(|(at, place)| {
            place.field == Some(at)
                && place.treatment.is_none()
                && place.of_null.is_null()
                && place.structs.is_none()
        });
        let row = SchemaBuilder::structure(fields)?
            .optional()
            .name(Some(schema_name("Value")))
            .build_plain();
        let given = shaping.key_columns.of(&columns, &names);
        let key = if given.is_empty() { key } else { &given };
        let key = key_schema(&columns, key, &text, schema_name("Key"), shaping)?;
        let envelope = envelope(&row, shaping.source.clone(), schema_name("Envelope"))?;
        let count = row.fields().map_or(0, |fields| fields.len());
        Ok(Arc::new(Self {
            text: text.into(),
            topic,
            columns,
            envelope,
            row,
            key,
            places,
            is_plain,
            fields: count,
            name,
        }))
    }

    /// A row as the struct of a record. `values`: one for each column.
    pub(crate) fn row(&self, values: Vec<Value>) -> Result<Value> {
        if values.len() != self.places.len() {
            return Err(Error::data(format!(
                "table {}: a row has {} values for {} columns: the table's structure is not the one that is known",
                self.text,
                values.len(),
                self.places.len()
            )));
        }
        let values = match self.is_plain {
            true => values,
            false => {
                let mut row = Vec::with_capacity(self.fields);
                for (place, value) in self.places.iter().zip(values) {
                    if place.field.is_none() {
                        continue;
                    }
                    row.push(place.value(value));
                }
                row
            }
        };
        Ok(Value::Struct(Arc::new(Struct::from_values(self.row.clone(), values))))
    }

    /// The key of a row.
    pub(crate) fn key(&self, values: &[Value]) -> Datum {
        let Some((schema, columns)) = &self.key else { return Datum::NULL };
        let fields = schema.fields().map(|fields| fields.list()).unwrap_or_default();
        let values = columns
            .iter()
            .zip(fields)
            .map(|(&at, field)| match (values.get(at), self.places.get(at)) {
                (Some(Value::Null) | None, Some(place)) => place.of_null.clone(),
                (Some(value), _) => fit(value.clone(), &field.schema),
                (None, None) => Value::Null,
            })
            .collect();
        let value = Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)));
        Datum { schema: Some(schema.clone()), value }
    }
}

fn build(builder: SchemaBuilder, table: &str, column: &Column) -> Result<Schema> {
    builder.build().map_err(|error| {
        Error::data(format!("Failed to set field default value for '{table}.{}'", column.name))
            .caused_by(error)
    })
}

fn key_schema(
    columns: &[Column],
    key: &[usize],
    table: &str,
    name: Str,
    shaping: &Shaping,
) -> Result<Option<(Schema, Vec<usize>)>> {
    let (mut fields, mut places): (Vec<(Str, Schema)>, _) = (Vec::new(), Vec::new());
    for &at in key {
        let Some((column, builder)) = columns.get(at).and_then(|c| Some((c, c.of_key()?))) else {
            continue;
        };
        let field = shaping.field_names.field(&column.name);
        fields.push((field.into(), build(builder, table, column)?));
        places.push(at);
    }
    if fields.is_empty() {
        return Ok(None);
    }
    let schema = SchemaBuilder::structure(fields)?.name(Some(name)).build_plain();
    Ok(Some((schema, places)))
}

/// The schema of what says how far a transaction is.
pub(crate) fn transaction_block() -> Schema {
    static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
        let fields = vec![
            ("id".into(), Schema::string()),
            ("total_order".into(), Schema::int64()),
            ("data_collection_order".into(), Schema::int64()),
        ];
        SchemaBuilder::structure(fields)
            .unwrap_or_else(|_| SchemaBuilder::new(Kind::Struct(Arc::default())))
            .optional()
            .name(Some("event.block".into()))
            .version(Some(1))
            .build_plain()
    });
    SCHEMA.clone()
}

fn envelope(row: &Schema, source: Schema, name: Str) -> Result<Schema> {
    let fields = vec![
        ("before".into(), row.clone()),
        ("after".into(), row.clone()),
        ("source".into(), source),
        ("transaction".into(), transaction_block()),
        ("op".into(), Schema::string()),
        ("ts_ms".into(), Schema::optional_int64()),
        ("ts_us".into(), Schema::optional_int64()),
        ("ts_ns".into(), Schema::optional_int64()),
    ];
    Ok(SchemaBuilder::structure(fields)?.name(Some(name)).version(Some(2)).build_plain())
}

/// The fields of `source` that all connectors have, to which each adds its own.
pub(crate) fn source_schema(name: &str, own: Vec<(Str, Schema)>) -> Result<Schema> {
    const SNAPSHOT: &str =
        "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental";
    let snapshot = SchemaBuilder::new(Kind::String)
        .optional()
        .name(Some("io.debezium.data.Enum".into()))
        .version(Some(1))
        .parameter("allowed", SNAPSHOT)
        .default_value(Some(Value::str("false")))
        .build_plain();
    let mut fields: Vec<(Str, Schema)> = vec![
        ("version".into(), Schema::string()),
        ("connector".into(), Schema::string()),
        ("name".into(), Schema::string()),
        ("ts_ms".into(), Schema::int64()),
        ("snapshot".into(), snapshot),
        ("db".into(), Schema::string()),
        ("sequence".into(), Schema::optional_string()),
        ("ts_us".into(), Schema::optional_int64()),
        ("ts_ns".into(), Schema::optional_int64()),
    ];
    fields.extend(own);
    Ok(SchemaBuilder::structure(fields)?.name(Some(name.into())).version(Some(1)).build_plain())
}
