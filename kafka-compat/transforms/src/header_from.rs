//! HeaderFrom: copies or moves fields of the key or value into headers.

use std::sync::Arc;

use gantry_model::config::{
    ConfigData, ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator,
};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{
    ConnectRecord, Datum, Error, Fields, Header, Headers, Kind, Result, Schema, Str, Struct, Value,
};

use crate::support::{
    SchemaCache, Side, copy_basics, fields_of, keyed, map_of, put_all, replace_null,
    replace_null_key, struct_ref, unique_map,
};

const FIELDS: &str = "fields";
const HEADERS: &str = "headers";
const OPERATION: &str = "operation";
const MOVE: &str = "move";
const COPY: &str = "copy";

struct HeaderFrom {
    side: Side,
    /// Field and header, in the order given.
    pairs: Vec<(String, Str)>,
    moves: bool,
    replace_null: bool,
    schemas: SchemaCache<Moved>,
}

/// What is left of a schema, and which fields stay.
struct Moved {
    schema: Schema,
    kept: Vec<usize>,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("HeaderFrom", config, HeaderFrom::create)
}

fn config() -> ConfigDef {
    let list = |name, doc| {
        ConfigKey::required(name, Type::List, Importance::High, doc).validator(not_empty())
    };
    ConfigDef::new()
        .define(list(FIELDS, "Names of the fields whose values become headers."))
        .define(list(HEADERS, "Names of the headers, one for each field and in the same order."))
        .define(
            ConfigKey::required(
                OPERATION,
                Type::String,
                Importance::High,
                "`move` takes the fields out of the key or value, `copy` leaves them there.",
            )
            .validator(Validator::one_of(&[MOVE, COPY])),
        )
        .define(replace_null_key())
}

fn not_empty() -> Validator {
    Validator::custom(|name, value| match value {
        ConfigData::List(list) if !list.is_empty() => Ok(()),
        _ => Err(Error::config(format!(
            "Invalid value {} for configuration {name}: Empty list",
            value.to_java()
        ))),
    })
}

impl HeaderFrom {
    fn create(config: &ParsedConfig, side: Side) -> Result<Box<dyn Transformation>> {
        let (fields, headers) = (config.list(FIELDS), config.list(HEADERS));
        if fields.len() != headers.len() {
            return Err(Error::config(
                "'fields' config must have the same number of elements as 'headers' config.",
            ));
        }
        let headers = headers.iter().map(|name| Str::from(&**name));
        Ok(Box::new(Self {
            side,
            pairs: fields.iter().cloned().zip(headers).collect(),
            moves: config.string(OPERATION) == Some(MOVE),
            replace_null: replace_null(config),
            schemas: SchemaCache::new(),
        }))
    }

    fn purpose(&self) -> &'static str {
        if self.moves { "header move" } else { "header copy" }
    }

    fn take_from_map(&self, value: &mut Value, headers: &mut Headers) -> Result<()> {
        let purpose = self.purpose();
        // Every value is read before any is removed: a field may be named twice.
        let map = map_of(value, purpose)?;
        for (field, header) in &self.pairs {
            let found = map.get(field).cloned().unwrap_or_default();
            headers.push(Header::new(Str::clone(header), Datum::schemaless(found))?);
        }
        let map = unique_map(value, purpose)?;
        map.copy_as_hash_map();
        if self.moves {
            for (field, _) in &self.pairs {
                map.remove(field);
            }
        }
        Ok(())
    }

    fn take_from_struct(
        &mut self,
        schema: &mut Schema,
        value: &mut Value,
        headers: &mut Headers,
    ) -> Result<()> {
        let purpose = self.purpose();
        let inner = struct_ref(value, purpose)?;
        // Kafka Connect makes the rest before it looks for the fields: its errors come first.
        let moved = match self.moves {
            false => None,
            true => {
                let moved = self.schemas.get(schema, |source| moved_schema(source, &self.pairs))?;
                let rest = put_all(&moved.schema, moved.values_of(inner, self.replace_null)?)?;
                Some((moved.schema.clone(), rest))
            }
        };
        for (name, header) in &self.pairs {
            let field = inner
                .schema()
                .field(name)
                .ok_or_else(|| Error::data(format!("{name} is not a valid field name")))?;
            let found = if self.replace_null { inner.get_at(field) } else { inner.raw(name)? };
            let datum = Datum::new(field.schema.clone(), found.clone());
            headers.push(Header::new(Str::clone(header), datum)?);
        }
        if let Some((rest_schema, rest)) = moved {
            *schema = rest_schema;
            *value = rest;
        }
        Ok(())
    }
}

impl Moved {
    fn values_of(&self, inner: &Struct, replace_null: bool) -> Result<Vec<Value>> {
        let fields = fields_of(inner.schema())?.list();
        let value = |&index: &usize| {
            let field = fields.get(index)?;
            let value =
                if replace_null { inner.get_at(field) } else { inner.values().get(index)? };
            Some(value.clone())
        };
        Ok(self.kept.iter().filter_map(value).collect())
    }
}

fn moved_schema(schema: &Schema, pairs: &[(String, Str)]) -> Result<Moved> {
    let stays = |name: &str| !pairs.iter().any(|(field, _)| field == name);
    let kept: Vec<_> =
        fields_of(schema)?.list().iter().filter(|field| stays(&field.name)).collect();
    let fields = kept.iter().map(|f| (Str::clone(&f.name), f.schema.clone())).collect();
    let kind = Kind::Struct(Arc::new(Fields::new(fields)?));
    Ok(Moved {
        schema: copy_basics(schema, kind).build_plain(),
        kept: kept.iter().map(|field| field.index).collect(),
    })
}

impl Transformation for HeaderFrom {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let mut headers = std::mem::take(&mut record.headers);
        let Datum { schema, value } = self.side.datum_mut(record);
        match schema {
            None => self.take_from_map(value, &mut headers)?,
            Some(schema) => self.take_from_struct(schema, value, &mut headers)?,
        }
        record.headers = headers;
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "HeaderFrom$Value";

    #[test]
    fn lists_must_pair_up() {
        let config = [("fields", "a,b"), ("headers", "h"), ("operation", "copy")];
        assert_eq!(
            error_text(make(CLASS, &config)),
            "'fields' config must have the same number of elements as 'headers' config."
        );
    }

    #[test]
    fn a_field_named_twice_is_moved_into_both_headers() {
        let config = [("fields", "a,a"), ("headers", "h,i"), ("operation", "move")];
        let mut t = make(CLASS, &config).expect("valid");
        let input = record(map(&[("a", Value::Int8(1)), ("b", Value::Null)]));
        let out = t.change(input).expect("applies").expect("kept");
        assert_eq!(out.value.value, map(&[("b", Value::Null)]));
        let values: Vec<_> = out.headers.iter().map(|h| h.datum.value.clone()).collect();
        assert_eq!(values, [Value::Int8(1), Value::Int8(1)]);
    }

    #[test]
    fn a_struct_in_a_map_brings_its_schema() {
        let config = [("fields", "a,b"), ("headers", "h,i"), ("operation", "copy")];
        let mut t = make(CLASS, &config).expect("valid");
        let Datum { schema, value } = struct_record().value;
        let input = record(map(&[("a", value.clone())]));
        let out = t.change(input).expect("applies").expect("kept");
        let headers: Vec<_> = out.headers.iter().map(|header| header.datum.clone()).collect();
        assert_eq!(headers, [Datum { schema, value }, Datum::NULL]);
    }

    #[test]
    fn an_unknown_field_of_a_struct_is_an_error() {
        let config = [("fields", "zz"), ("headers", "h"), ("operation", "copy")];
        let mut t = make(CLASS, &config).expect("valid");
        assert_eq!(error_text(t.change(struct_record())), "zz is not a valid field name");
    }

    #[test]
    fn defaults_go_into_the_header_on_request() {
        for (replace, expected) in [("true", Value::Int32(9)), ("false", Value::Null)] {
            let config = [
                ("fields", "d"),
                ("headers", "h"),
                ("operation", "move"),
                ("replace.null.with.default", replace),
            ];
            let mut t = make(CLASS, &config).expect("valid");
            let out = t.change(struct_record()).expect("applies").expect("kept");
            assert_eq!(out.headers[0].datum.value, expected);
            let Value::Struct(left) = &out.value.value else { panic!("a struct") };
            assert_eq!(left.values(), &[Value::Int32(1)]);
        }
    }
}
