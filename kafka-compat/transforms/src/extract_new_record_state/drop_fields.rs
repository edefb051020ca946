//! Dropping the fields that a header of the record lists.

use std::sync::Arc;

use gantry_model::plugin::Transformation;
use gantry_model::{ConnectRecord, Error, Result, Schema, Value};

use super::reference::Reference;
use crate::replace_field::ReplaceField;
use crate::support::{Side, fields_of};

/// How many lists are remembered.
const REMEMBERED_MAX: usize = 32;

pub(super) struct FieldDrops {
    header: String,
    from_key: bool,
    /// Only optional fields are dropped.
    optional_only: bool,
    /// The latest first.
    steps: Vec<Step>,
}

/// What drops the fields of one list from keys or values of one schema.
struct Step {
    side: Side,
    schema: Option<Schema>,
    names: Arc<Vec<Value>>,
    is_delete: bool,
    /// `None`: there is nothing to drop.
    drop: Option<ReplaceField>,
}

impl FieldDrops {
    pub(super) fn new(header: &str, from_key: bool, optional_only: bool) -> Self {
        Self { header: header.to_owned(), from_key, optional_only, steps: Vec::new() }
    }

    /// Drops what the header lists, but for the fields in `spared`: Debezium adds these to the
    /// row of a delete after it has dropped fields, to any other before.
    pub(super) fn apply(&mut self, record: &mut ConnectRecord, spared: &[Reference]) -> Result<()> {
        let header = record.headers.iter().find(|header| *header.key == *self.header);
        let names = match header.map(|header| &header.datum.value) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(names)) => Arc::clone(names),
            Some(other) => return Err(no_list(other)),
        };
        if names.is_empty() {
            return Ok(());
        }
        if self.from_key && !record.key.value.is_null() {
            self.drop(record, Side::Key, &names, &[])?;
        }
        self.drop(record, Side::Value, &names, spared)
    }

    fn drop(
        &mut self,
        record: &mut ConnectRecord,
        side: Side,
        names: &Arc<Vec<Value>>,
        spared: &[Reference],
    ) -> Result<()> {
        let schema = &side.datum_mut(record).schema;
        let is_delete = !spared.is_empty();
        let known = self.steps.iter().position(|step| {
            step.side == side
                && step.is_delete == is_delete
                && step.schema == *schema
                && step.names == *names
        });
        match known {
            Some(0) => {}
            Some(place) => self.steps[..=place].rotate_right(1),
            None => {
                let wanted = self.wanted(schema.as_ref(), names, spared)?;
                let drop = (!wanted.is_empty()).then(|| ReplaceField::excluding(side, wanted));
                let (schema, names) = (schema.clone(), Arc::clone(names));
                self.steps.truncate(REMEMBERED_MAX - 1);
                self.steps.insert(0, Step { side, schema, names, is_delete, drop });
            }
        }
        if let Some(Step { drop: Some(drop), .. }) = self.steps.first_mut() {
            // It keeps every record.
            let _ = drop.apply(record)?;
        }
        Ok(())
    }

    fn wanted(
        &self,
        schema: Option<&Schema>,
        names: &[Value],
        spared: &[Reference],
    ) -> Result<Vec<String>> {
        let mut wanted = Vec::with_capacity(names.len());
        for name in names {
            let name = name.as_str().ok_or_else(|| no_list(name))?;
            if !spared.iter().any(|field| *field.name == *name) {
                wanted.push(name.to_owned());
            }
        }
        if self.optional_only {
            match schema {
                // Nothing says which fields are optional.
                None => wanted.clear(),
                Some(schema) => {
                    let fields = fields_of(schema)?;
                    wanted.retain(|name| fields.get(name).is_some_and(|f| f.schema.is_optional()));
                }
            }
        }
        Ok(wanted)
    }
}

fn no_list(found: &Value) -> Error {
    Error::java(
        "java.lang.ClassCastException",
        format!(
            "The header that lists fields to drop must hold a list of texts, found: {}",
            found.java_class().unwrap_or("null")
        ),
    )
}
