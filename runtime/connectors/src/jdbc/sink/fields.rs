//! Which fields of a record go to which columns.

use gantry_api::{Error, Kind, Result, Schema, SinkRecord, Str, Struct, Value};

use super::config::{Config, InsertMode, PkMode};

const KAFKA: [&str; 3] = ["__connect_topic", "__connect_partition", "__connect_offset"];

/// Where a column's value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Topic,
    Partition,
    Offset,
    /// The whole key, or a field of it.
    Key,
    KeyField(usize),
    /// The whole value, or a field of it.
    Value,
    ValueField(usize),
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Str,
    pub(super) schema: Schema,
    pub(super) is_key: bool,
    /// Whether it counts since the epoch (`timestamp.fields.list`).
    pub(super) since_epoch: bool,
    pub(super) source: Source,
}

impl Field {
    /// A column of the primary key is never null.
    pub(super) fn is_optional(&self) -> bool {
        !self.is_key && self.schema.is_optional()
    }

    /// The value in a record.
    pub(super) fn value<'a>(&self, record: &'a SinkRecord, defaults: bool) -> Found<'a> {
        let of = |value: &'a Value, at: usize| match value {
            Value::Struct(inner) => Found::Value(field(inner, at, defaults || self.is_key)),
            _ => Found::Value(&Value::Null),
        };
        match self.source {
            Source::Topic => Found::Made(Value::str(&record.record.topic)),
            Source::Partition => {
                Found::Made(Value::Int32(i32::try_from(record.origin.partition).unwrap_or(0)))
            }
            Source::Offset => {
                Found::Made(Value::Int64(i64::try_from(record.offset).unwrap_or(i64::MAX)))
            }
            Source::Key => Found::Value(&record.record.key.value),
            Source::KeyField(at) => of(&record.record.key.value, at),
            Source::Value => Found::Value(&record.record.value.value),
            Source::ValueField(at) => of(&record.record.value.value, at),
        }
    }
}

fn field(inner: &Struct, at: usize, defaults: bool) -> &Value {
    match inner.schema().fields().and_then(|fields| fields.list().get(at)) {
        Some(field) if defaults => inner.get_at(field),
        _ => inner.values().get(at).unwrap_or(&Value::Null),
    }
}

/// A value, the record's own or made of its place.
pub(super) enum Found<'a> {
    Value(&'a Value),
    Made(Value),
}

impl Found<'_> {
    pub(super) fn get(&self) -> &Value {
        match self {
            Self::Value(value) => value,
            Self::Made(value) => value,
        }
    }
}

/// As Kafka's connector prints a field.
impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SinkRecordField{{schema={:?}, name='{}', isPrimaryKey={}}}",
            self.schema, self.name, self.is_key
        )
    }
}

/// The columns of records of one schema.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    /// Of the primary key.
    pub(super) keys: Vec<Field>,
    /// All others.
    pub(super) others: Vec<Field>,
}

impl Fields {
    /// For a table's records of these schemas.
    pub(super) fn new(
        config: &Config,
        table: &str,
        key: Option<&Schema>,
        value: Option<&Schema>,
    ) -> Result<Self> {
        let text = value.is_some_and(|schema| *schema.kind() == Kind::String);
        if let Some(schema) = value
            && schema.fields().is_none()
            && !text
        {
            return Err(Error::connect("Value schema must be of type Struct or String"));
        }
        let keys = match config.pk_mode {
            PkMode::None => Vec::new(),
            PkMode::Kafka => kafka(config, table)?,
            PkMode::RecordKey => of_key(config, table, key)?,
            PkMode::RecordValue => of_value(config, table, value)?,
        };
        let mut others = Vec::new();
        if let Some(schema) = value.filter(|_| text) {
            others.push(of_text(config, table, schema, &keys)?);
        }
        for field in value.and_then(Schema::fields).map(|fields| fields.list()).unwrap_or_default()
        {
            let is_key = keys.iter().any(|key| key.name == field.name);
            let is_wanted = config.whitelist.is_empty()
                || config.whitelist.iter().any(|name| **name == *field.name);
            if !is_key && is_wanted {
                others.push(Field {
                    name: Str::clone(&field.name),
                    schema: field.schema.clone(),
                    is_key: false,
                    since_epoch: false,
                    source: Source::ValueField(field.index),
                });
            }
        }
        if keys.is_empty() && others.is_empty() {
            return Err(Error::connect(format!(
                "No fields found using key and value schemas for table: {table}"
            )));
        }
        let mut fields = Self { keys, others };
        for field in fields.keys.iter_mut().chain(&mut fields.others) {
            field.since_epoch = config.timestamp_fields.iter().any(|name| **name == *field.name);
            if !config.quoting.takes(&field.name) {
                return Err(Error::connect(format!(
                    "Field {} of table {table} cannot stand in a statement without quotes; set \
                     quote.sql.identifiers=ALWAYS, or rename it by a transformation",
                    field.name
                )));
            }
        }
        if config.insert_mode == InsertMode::Update && fields.others.is_empty() {
            return Err(Error::connect(format!(
                "insert.mode=update of table {table}: besides the key there is no field to update"
            )));
        }
        Ok(fields)
    }

    /// Key columns, then the others.
    pub(super) fn all(&self) -> impl Iterator<Item = &Field> {
        self.keys.iter().chain(&self.others)
    }

    /// In the order of a table's definition: of the place in the log, then of the value, then what is of
    /// the key only, by name.
    pub(super) fn in_order(&self) -> Vec<&Field> {
        let (mut first, mut of_value, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for field in self.all() {
            match field.source {
                Source::Topic | Source::Partition | Source::Offset => first.push(field),
                Source::ValueField(at) => of_value.push((at, field)),
                _ => rest.push(field),
            }
        }
        of_value.sort_by_key(|(at, _)| *at);
        rest.sort_by(|a, b| a.name.cmp(&b.name));
        first.into_iter().chain(of_value.into_iter().map(|(_, field)| field)).chain(rest).collect()
    }
}

fn list(names: &[String]) -> String {
    format!("[{}]", names.join(", "))
}

fn kafka(config: &Config, table: &str) -> Result<Vec<Field>> {
    let names: Vec<&str> = match config.pk_fields.as_slice() {
        [] => KAFKA.to_vec(),
        names if names.len() == 3 => names.iter().map(String::as_str).collect(),
        names => {
            return Err(Error::connect(format!(
                "PK mode for table '{table}' is KAFKA so there should either be no field names defined for \
                 defaults [{}] to be applicable, or exactly 3, defined fields are: {}",
                KAFKA.join(", "),
                list(names)
            )));
        }
    };
    let sources = [Source::Topic, Source::Partition, Source::Offset];
    let schemas = [Schema::string(), Schema::int32(), Schema::int64()];
    let all = names.into_iter().zip(sources).zip(schemas);
    Ok(all
        .map(|((name, source), schema)| Field {
            name: name.into(),
            schema,
            is_key: true,
            since_epoch: false,
            source,
        })
        .collect())
}

fn of_key(config: &Config, table: &str, schema: Option<&Schema>) -> Result<Vec<Field>> {
    let Some(schema) = schema else {
        return Err(Error::connect(format!(
            "PK mode for table '{table}' is RECORD_KEY, but record key schema is missing"
        )));
    };
    if schema.kind().is_primitive() {
        let [name] = config.pk_fields.as_slice() else {
            return Err(Error::connect(format!(
                "Need exactly one PK column defined since the key schema for records is a primitive type, \
                 defined columns are: {}",
                list(&config.pk_fields)
            )));
        };
        let (name, schema) = (name.as_str().into(), schema.clone());
        return Ok(vec![Field {
            name,
            schema,
            is_key: true,
            since_epoch: false,
            source: Source::Key,
        }]);
    }
    if schema.fields().is_none() {
        return Err(Error::connect(format!(
            "Key schema must be primitive type or Struct, but is of type: {}",
            schema.kind().type_name()
        )));
    }
    chosen(schema, &config.pk_fields, Source::KeyField).map_err(|name| {
        Error::connect(format!(
            "PK mode for table '{table}' is RECORD_KEY with configured PK fields {}, but record key schema does \
             not contain field: {name}",
            list(&config.pk_fields)
        ))
    })
}

fn of_value(config: &Config, table: &str, schema: Option<&Schema>) -> Result<Vec<Field>> {
    let Some(schema) = schema else {
        return Err(Error::connect(format!(
            "PK mode for table '{table}' is RECORD_VALUE, but record value schema is missing"
        )));
    };
    if schema.fields().is_none() {
        return Err(Error::connect(
            "pk.mode record_value is not supported with String value schemas",
        ));
    }
    chosen(schema, &config.pk_fields, Source::ValueField).map_err(|name| {
        Error::connect(format!(
            "PK mode for table '{table}' is RECORD_VALUE with configured PK fields {}, but record value schema \
             does not contain field: {name}",
            list(&config.pk_fields)
        ))
    })
}

/// The named fields of a struct, or all; the error is the name that is missing.
fn chosen(
    schema: &Schema,
    names: &[String],
    source: fn(usize) -> Source,
) -> std::result::Result<Vec<Field>, String> {
    let all: Vec<&str> = match names.is_empty() {
        true => {
            schema.fields().map(|f| f.list().iter().map(|f| &*f.name).collect()).unwrap_or_default()
        }
        false => names.iter().map(String::as_str).collect(),
    };
    all.into_iter()
        .map(|name| {
            let field = schema.field(name).ok_or_else(|| name.to_owned())?;
            let (name, schema) = (Str::clone(&field.name), field.schema.clone());
            Ok(Field {
                name,
                schema,
                is_key: true,
                since_epoch: false,
                source: source(field.index),
            })
        })
        .collect()
}

fn of_text(config: &Config, table: &str, schema: &Schema, keys: &[Field]) -> Result<Field> {
    let name: Str = config.text_column.as_str().into();
    if keys.iter().any(|key| key.name == name) {
        return Err(Error::connect(format!(
            "Configured string.output.value.column.name '{name}' conflicts with a primary key column for table '{table}'"
        )));
    }
    if !config.whitelist.is_empty() || !config.timestamp_fields.is_empty() {
        return Err(Error::connect(
            "fields.whitelist and timestamp.fields.list are not applicable to String values. Remove these options, \
             or have the upstream producer emit Struct values instead.",
        ));
    }
    let schema = schema.to_builder().optional().build()?;
    Ok(Field { name, schema, is_key: false, since_epoch: false, source: Source::Value })
}
