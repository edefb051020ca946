//! Whether one message can stand for the values of two Connect schemas.

use gantry_model::{Field, Kind, Schema};

use super::config::Settings;
use super::names;

/// How schemas are compared.
#[derive(Clone, Copy)]
pub(super) struct Covers {
    /// Whether it is a part of the message which fields may be null.
    nulls_count: bool,
}

impl Covers {
    pub(super) fn new(settings: Settings) -> Self {
        let nulls_count = settings.optional_for_nullables || settings.wrapper_for_nullables;
        Self { nulls_count }
    }

    /// Whether the message for the first schema has all fields that the one for the second has.
    pub(super) fn covers(self, by: &Schema, other: &Schema) -> bool {
        if by.same(other) {
            return true;
        }
        match (by.kind(), other.kind()) {
            (Kind::Struct(known), Kind::Struct(fields)) => {
                let is_known = |field: &Field| {
                    known.get(&field.name).is_some_and(|known| self.field(known, field))
                };
                fields.list().iter().all(is_known)
            }
            (Kind::Array(by), Kind::Array(other)) => self.value(by, other),
            (Kind::Map { key, value }, Kind::Map { key: other_key, value: other_value }) => {
                self.value(key, other_key) && self.value(value, other_value)
            }
            (by, other) => by == other,
        }
    }

    fn field(self, known: &Field, field: &Field) -> bool {
        let number = |field: &Field| {
            let tag = names::parameter(&field.schema, names::TAG);
            tag.map_or_else(|| format!("at {}", field.index), str::to_owned)
        };
        number(known) == number(field) && self.value(&known.schema, &field.schema)
    }

    fn value(self, by: &Schema, other: &Schema) -> bool {
        let counted = |schema: &Schema| {
            let parameters = schema.parameters().into_iter().flatten();
            let mut counted: Vec<_> = parameters
                .filter(|(key, _)| &***key != names::TAG)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            counted.sort();
            counted
        };
        by.name() == other.name()
            && (!self.nulls_count || by.is_optional() == other.is_optional())
            && counted(by) == counted(other)
            && self.covers(by, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::SchemaBuilder;

    fn structure(fields: Vec<(&str, Schema)>) -> Schema {
        let fields = fields.into_iter().map(|(name, schema)| (name.into(), schema)).collect();
        SchemaBuilder::structure(fields).unwrap().name(Some("S".into())).build_plain()
    }

    #[test]
    fn fields_must_be_there_with_their_numbers() {
        let covers = Covers::new(Settings::default());
        let strict = Covers::new(Settings { optional_for_nullables: true, ..Settings::default() });
        let one = structure(vec![("a", Schema::int32()), ("b", Schema::string())]);
        let less = structure(vec![("a", Schema::int32())]);
        assert!(covers.covers(&one, &less) && !covers.covers(&less, &one));
        let optional = structure(vec![("a", Schema::optional_int32())]);
        assert!(covers.covers(&one, &optional) && !strict.covers(&one, &optional));
        let moved = structure(vec![("b", Schema::string())]);
        assert!(!covers.covers(&one, &moved));
        let tagged = Schema::string().to_builder().parameter(names::TAG, "1").build_plain();
        let by_tag = structure(vec![("x", Schema::int8()), ("b", tagged.clone())]);
        assert!(covers.covers(&by_tag, &structure(vec![("b", tagged)])));
        assert!(!covers.covers(&one, &structure(vec![("a", Schema::int64())])));
    }
}
