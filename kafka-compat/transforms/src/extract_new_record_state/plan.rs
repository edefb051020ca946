//! What is done to the events of one schema, worked out once.

use gantry_model::schema::Field;
use gantry_model::{Datum, Error, Fields, Kind, Result, Schema, Str, Struct, Value};

use super::config::{Deletes, Settings};
use super::reference::{Addition, Reference};
use crate::support::{
    apply_defaults, copy_basics, has_defaults, put_all, struct_of, struct_values,
};

/// The purpose that errors name where a row is no struct.
const PURPOSE: &str = "source field insertion";
const DELETED: &str = "__deleted";

pub(super) struct Plan {
    pub(super) after: Option<Image>,
    pub(super) before: Option<Image>,
    /// An error that comes with the first event.
    headers: Result<Vec<Addition>>,
    /// What is added to rows; empty where that is an error, which the rows then have.
    fields: Vec<Addition>,
}

/// The row before or after a change.
pub(super) struct Image {
    field: Field,
    /// Its schema in the event.
    pub(super) schema: Schema,
    /// The schema it gets. Errors come with the first row.
    updated: Result<Schema>,
    has_defaults: bool,
    /// Whether some of what is added is taken from the row itself.
    is_shared: bool,
    /// The field that names the topic.
    route: Option<Result<usize>>,
}

impl Plan {
    pub(super) fn of(settings: &Settings, envelope: &Schema) -> Self {
        let fields = additions(&settings.fields, envelope);
        let image = |name| {
            let field = envelope.field(name)?;
            Some(Image::of(settings, name, field, fields.as_ref()))
        };
        Self {
            after: image("after"),
            before: image("before"),
            headers: additions(&settings.headers, envelope),
            fields: fields.unwrap_or_default(),
        }
    }

    pub(super) fn headers(&self) -> Result<&[Addition]> {
        self.headers.as_deref().map_err(Error::clone)
    }
}

fn additions(references: &[Reference], envelope: &Schema) -> Result<Vec<Addition>> {
    let found = references.iter().filter_map(|field| field.resolve(envelope).transpose());
    found.collect()
}

impl Image {
    fn of(
        settings: &Settings,
        name: &str,
        field: &Field,
        fields: Result<&Vec<Addition>, &Error>,
    ) -> Self {
        let schema = field.schema.clone();
        let marked = settings.deletes == Deletes::Rewrite;
        Self {
            updated: fields.map_err(Error::clone).and_then(|all| updated(&schema, marked, all)),
            has_defaults: has_defaults(&schema),
            is_shared: fields.is_ok_and(|all| all.iter().any(|one| one.is_from(field.index))),
            route: settings.route.as_ref().map(|route| text_field(&schema, name, route)),
            field: field.clone(),
            schema,
        }
    }

    /// The row in an event.
    pub(super) fn value<'a>(&'a self, event: &'a Struct) -> &'a Value {
        event.get_at(&self.field)
    }

    /// The row, taken out of an event unless it is needed there.
    pub(super) fn take(&self, event: &mut [Value]) -> Value {
        let default = || self.schema.default_value().cloned().unwrap_or_default();
        match event.get_mut(self.field.index) {
            None | Some(Value::Null) => default(),
            Some(row) if self.is_shared => row.clone(),
            Some(row) => std::mem::take(row),
        }
    }

    /// The topic that the row in an event names.
    pub(super) fn topic<'a>(&self, event: &'a Struct) -> Result<Option<&'a str>> {
        match event.values().get(self.field.index) {
            Some(Value::Struct(row)) => self.topic_in(row.values()),
            _ => self.topic_in(&[]),
        }
    }

    fn topic_in<'a>(&self, row: &'a [Value]) -> Result<Option<&'a str>> {
        match &self.route {
            None => Ok(None),
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(index)) => Ok(row.get(*index).and_then(Value::as_str)),
        }
    }

    /// The row as it goes on. `mark` is what `__deleted` holds, and whether defaults take the
    /// place of nulls; `event` has the values to add.
    pub(super) fn finish(
        &self,
        plan: &Plan,
        mut row: Value,
        event: &[Value],
        mark: Option<(&'static str, bool)>,
        route: impl FnOnce(&str),
    ) -> Result<Datum> {
        let inner = struct_of(&mut row, PURPOSE)?;
        let updated = self.updated.as_ref().map_err(Error::clone)?;
        let mut values = struct_values(inner);
        let more = plan.fields.len() + usize::from(mark.is_some());
        if more > 0 {
            values.reserve_exact(more);
        }
        if let Some((mark, with_defaults)) = mark {
            if with_defaults && self.has_defaults {
                apply_defaults(&self.schema, &mut values);
            }
            values.push(Value::str(mark));
        }
        if let Some(topic) = self.topic_in(&values)? {
            route(topic);
        }
        values.extend(plan.fields.iter().map(|field| field.value(event)));
        Ok(Datum::new(updated.clone(), put_all(updated, values)?))
    }
}

/// The schema of rows with what is added to them. It is required, whatever it was in the event.
fn updated(row: &Schema, marked: bool, fields: &[Addition]) -> Result<Schema> {
    let Some(old) = row.fields() else {
        return Err(Error::data("Cannot list fields on non-struct type"));
    };
    let mut all: Vec<(Str, Schema)> =
        old.list().iter().map(|field| (Str::clone(&field.name), field.schema.clone())).collect();
    if marked {
        all.push((DELETED.into(), Schema::optional_string()));
    }
    all.extend(fields.iter().map(|field| (Str::clone(&field.name), field.schema.clone())));
    let kind = Kind::Struct(Fields::new(all)?.into());
    Ok(copy_basics(row, kind).build_plain())
}

/// The place of a field of texts.
fn text_field(row: &Schema, row_name: &str, name: &str) -> Result<usize> {
    let of_type = |name, kind| Error::data(format!("Field '{name}' is not of type {kind}"));
    if row.fields().is_none() {
        return Err(of_type(row_name, "STRUCT"));
    }
    let field =
        row.field(name).ok_or_else(|| Error::data(format!("{name} is not a valid field name")))?;
    match field.schema.kind() {
        Kind::String => Ok(field.index),
        _ => Err(of_type(name, "STRING")),
    }
}
