//! Records that say what statements did to tables.

use std::sync::Arc;

use gantry_api::model::{Kind, Schema, SchemaBuilder, Struct};
use gantry_api::{ConnectRecord, Datum, Result, Str, Value};

use super::Flavour;
use super::ddl::{Change, ChangeKind, Column, Structure, TableName};
use crate::cdc::names::Adjustment;

/// The schemas of these records.
#[derive(Debug)]
pub(crate) struct SchemaChanges {
    topic: Str,
    key: Schema,
    value: Schema,
    change: Schema,
    table: Schema,
    column: Schema,
    comments: bool,
}

fn structure(name: Option<String>, fields: Vec<(Str, Schema)>) -> Result<SchemaBuilder> {
    Ok(SchemaBuilder::structure(fields)?.name(name.map(Into::into)).version(Some(1)))
}

/// What is said of a column.
fn column_schema(name: Option<String>) -> Result<Schema> {
    let column = structure(
        name,
        vec![
            ("name".into(), Schema::string()),
            ("jdbcType".into(), Schema::int32()),
            ("nativeType".into(), Schema::optional_int32()),
            ("typeName".into(), Schema::string()),
            ("typeExpression".into(), Schema::optional_string()),
            ("charsetName".into(), Schema::optional_string()),
            ("length".into(), Schema::optional_int32()),
            ("scale".into(), Schema::optional_int32()),
            ("position".into(), Schema::int32()),
            ("optional".into(), Schema::optional_boolean()),
            ("autoIncremented".into(), Schema::optional_boolean()),
            ("generated".into(), Schema::optional_boolean()),
            ("comment".into(), Schema::optional_string()),
            ("defaultValueExpression".into(), Schema::optional_string()),
            ("enumValues".into(), texts()),
        ],
    )?;
    Ok(column.build_plain())
}

fn texts() -> Schema {
    SchemaBuilder::new(Kind::Array(Schema::string())).optional().build_plain()
}

impl SchemaChanges {
    pub(crate) fn new(
        flavour: Flavour,
        topic: &str,
        source: &Schema,
        names: Adjustment,
        comments: bool,
    ) -> Result<Self> {
        let own = |name: &str| {
            Some(names.schema(&format!("io.debezium.connector.{}.{name}", flavour.name())))
        };
        let common =
            |name: &str| Some(names.schema(&format!("io.debezium.connector.schema.{name}")));
        let column = column_schema(common("Column"))?;
        let table = structure(
            common("Table"),
            vec![
                ("defaultCharsetName".into(), Schema::optional_string()),
                ("primaryKeyColumnNames".into(), texts()),
                ("columns".into(), SchemaBuilder::new(Kind::Array(column.clone())).build_plain()),
                ("comment".into(), Schema::optional_string()),
            ],
        )?
        .optional()
        .build_plain();
        let change = structure(
            common("Change"),
            vec![
                ("type".into(), Schema::string()),
                ("id".into(), Schema::string()),
                ("table".into(), table.clone()),
            ],
        )?
        .build_plain();
        let value = structure(
            own("SchemaChangeValue"),
            vec![
                ("source".into(), source.clone()),
                ("ts_ms".into(), Schema::int64()),
                ("databaseName".into(), Schema::optional_string()),
                ("schemaName".into(), Schema::optional_string()),
                ("ddl".into(), Schema::optional_string()),
                (
                    "tableChanges".into(),
                    SchemaBuilder::new(Kind::Array(change.clone())).build_plain(),
                ),
            ],
        )?
        .build_plain();
        let key =
            structure(own("SchemaChangeKey"), vec![("databaseName".into(), Schema::string())])?;
        Ok(Self {
            topic: topic.into(),
            key: key.build_plain(),
            value,
            change,
            table,
            column,
            comments,
        })
    }

    /// The record of a change.
    pub(crate) fn record(&self, change: &Change, source: Value, ts_ms: i64) -> ConnectRecord {
        let word = match change.kind {
            ChangeKind::Create => Some("CREATE"),
            ChangeKind::Alter => Some("ALTER"),
            ChangeKind::Drop => Some("DROP"),
            ChangeKind::Truncate | ChangeKind::Database => None,
        };
        let table = change.table.as_ref();
        let said = match (word, table, &change.structure, change.kind) {
            (Some(word), Some(table), _, ChangeKind::Drop) => vec![self.change(word, table, None)],
            (Some(word), Some(table), Some(structure), _) => {
                vec![self.change(word, table, Some(structure))]
            }
            _ => Vec::new(),
        };
        let values = vec![
            source,
            Value::Int64(ts_ms),
            Value::str(&change.database),
            Value::Null,
            Value::str(&change.ddl),
            Value::array(said),
        ];
        let struct_of = |schema: &Schema, values| {
            let value = Value::Struct(Arc::new(Struct::from_values(schema.clone(), values)));
            Datum { schema: Some(schema.clone()), value }
        };
        let mut record =
            ConnectRecord::new(Str::clone(&self.topic), struct_of(&self.value, values));
        record.key = struct_of(&self.key, vec![Value::str(&change.database)]);
        record.partition = Some(0);
        record
    }

    fn change(&self, word: &str, table: &TableName, structure: Option<&Arc<Structure>>) -> Value {
        let shown = structure.map_or(Value::Null, |structure| self.table(structure));
        let values = vec![Value::str(word), Value::str(&table.double_quoted()), shown];
        Value::Struct(Arc::new(Struct::from_values(self.change.clone(), values)))
    }

    fn table(&self, structure: &Structure) -> Value {
        let texts =
            |list: &[String]| Value::array(list.iter().map(|text| Value::str(text)).collect());
        let columns =
            structure.columns.iter().enumerate().map(|(at, column)| self.column(at, column));
        let values = vec![
            text(structure.charset.as_deref()),
            texts(&structure.key),
            Value::array(columns.collect()),
            text(structure.comment.as_deref().filter(|_| self.comments)),
        ];
        Value::Struct(Arc::new(Struct::from_values(self.table.clone(), values)))
    }

    fn column(&self, at: usize, column: &Column) -> Value {
        let enumerated = match column.values.is_empty() {
            true => Value::Null,
            false => Value::array(column.values.iter().map(|value| Value::str(value)).collect()),
        };
        let values = vec![
            Value::str(&column.name),
            Value::Int32(column.jdbc_type),
            Value::Null,
            Value::str(&column.type_name),
            Value::str(&column.type_name),
            text(column.charset.as_deref()),
            column.length.map_or(Value::Null, Value::Int32),
            column.scale.map_or(Value::Null, Value::Int32),
            Value::Int32(i32::try_from(at + 1).unwrap_or(i32::MAX)),
            Value::Boolean(column.optional),
            Value::Boolean(column.auto_increment),
            Value::Boolean(column.auto_increment),
            text(column.comment.as_deref().filter(|_| self.comments)),
            text(column.default.as_deref()),
            enumerated,
        ];
        Value::Struct(Arc::new(Struct::from_values(self.column.clone(), values)))
    }
}

fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::str)
}
