//! Which schemas may stand in one file, and what is done so that they can (`schema.compatibility`).

use gantry_api::model::project::project;
use gantry_api::{Datum, Error, ErrorKind, Kind, Result, Schema};

/// The values of `schema.compatibility`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compatibility {
    None,
    Backward,
    Forward,
    Full,
}

impl Compatibility {
    /// As in Java, whatever is none of the names is NONE.
    pub(super) fn by_name(name: &str) -> Self {
        match name {
            "BACKWARD" => Self::Backward,
            "FORWARD" => Self::Forward,
            "FULL" => Self::Full,
            _ => Self::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::Forward => "FORWARD",
            Self::Full => "FULL",
        }
    }

    /// Whether a record of a schema cannot go into a file of another one.
    pub(super) fn needs_new_file(
        self,
        record: Option<&Schema>,
        file: Option<&Schema>,
    ) -> Result<bool> {
        let (record, file) = match (record, file) {
            (None, None) => return Ok(false),
            (Some(record), Some(file)) if record.same(file) => return Ok(false),
            (Some(record), Some(file)) => (record, file),
            _ => {
                return Err(Error::new(
                    ErrorKind::SchemaProjector,
                    "Switch between schema-based and schema-less data is not supported",
                ));
            }
        };
        if self == Self::None {
            return Ok(record != file);
        }
        let (Some(new), Some(old)) = (record.version(), file.version()) else {
            return Err(Error::new(
                ErrorKind::SchemaProjector,
                format!("Schema version required for {} compatibility", self.name()),
            ));
        };
        let differs = match self {
            Self::Forward => new < old,
            _ => new > old,
        };
        Ok(differs || !fits(record, file))
    }

    /// A value as the schema of the file has it; none where it is that already.
    pub(super) fn projected(self, datum: &Datum, file: Option<&Schema>) -> Result<Option<Datum>> {
        let (Some(own), Some(file)) = (&datum.schema, file) else { return Ok(None) };
        if self == Self::None || own == file {
            return Ok(None);
        }
        project(own, &datum.value, file).map(|value| Some(Datum::new(file.clone(), value)))
    }
}

/// The place among the numbers, from narrow to wide.
fn rank(kind: &Kind) -> Option<u8> {
    Some(match kind {
        Kind::Int8 => 0,
        Kind::Int16 => 1,
        Kind::Int32 => 2,
        Kind::Int64 => 3,
        Kind::Float32 => 4,
        Kind::Float64 => 5,
        _ => return None,
    })
}

/// Whether values of a schema can be projected to another.
fn fits(from: &Schema, to: &Schema) -> bool {
    let widens = matches!((rank(from.kind()), rank(to.kind())), (Some(a), Some(b)) if a <= b);
    if from.kind().type_name() != to.kind().type_name() && !widens {
        return false;
    }
    if from.name() != to.name() || from.parameters() != to.parameters() {
        return false;
    }
    if from.is_optional() && !to.is_optional() && to.default_value().is_none() {
        return false;
    }
    match (from.kind(), to.kind()) {
        (Kind::Struct(from), Kind::Struct(to)) => {
            let common = from.list().iter().filter_map(|field| Some((field, to.get(&field.name)?)));
            let mut lacking = to.list().iter().filter(|field| from.get(&field.name).is_none());
            common.into_iter().all(|(a, b)| fits(&a.schema, &b.schema))
                && lacking.all(|field| {
                    field.schema.is_optional() || field.schema.default_value().is_some()
                })
        }
        (Kind::Array(from), Kind::Array(to)) => fits(from, to),
        (Kind::Map { key: ka, value: va }, Kind::Map { key: kb, value: vb }) => {
            fits(ka, kb) && fits(va, vb)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use gantry_api::{SchemaBuilder, Struct, Value};

    use super::*;

    fn schema(version: i32, fields: &[(&str, Schema)]) -> Schema {
        let fields = fields.iter().map(|(name, schema)| ((*name).into(), schema.clone())).collect();
        SchemaBuilder::structure(fields).unwrap().version(Some(version)).build().unwrap()
    }

    #[test]
    fn versions_decide() {
        let one = schema(1, &[("a", Schema::int32())]);
        let two = schema(2, &[("a", Schema::int32()), ("b", Schema::optional_string())]);
        let of = |how: Compatibility, new, old| how.needs_new_file(Some(new), Some(old)).unwrap();
        assert!(of(Compatibility::None, &two, &one) && of(Compatibility::None, &one, &two));
        assert!(
            of(Compatibility::Backward, &two, &one) && !of(Compatibility::Backward, &one, &two)
        );
        assert!(!of(Compatibility::Forward, &two, &one) && of(Compatibility::Forward, &one, &two));
        assert!(of(Compatibility::Full, &two, &one));
        let three = schema(0, &[("a", Schema::string())]);
        assert!(of(Compatibility::Backward, &three, &two));
        assert!(Compatibility::Full.needs_new_file(None, Some(&one)).is_err());
        let bare = SchemaBuilder::structure(vec![]).unwrap().build().unwrap();
        let error = Compatibility::Backward.needs_new_file(Some(&bare), Some(&one)).unwrap_err();
        assert!(error.message().contains("BACKWARD"), "{error}");
    }

    #[test]
    fn older_records_get_the_newer_form() {
        let one = schema(1, &[("a", Schema::int32())]);
        let two = schema(2, &[("a", Schema::int64()), ("b", Schema::optional_string())]);
        let value = Struct::from_values(one.clone(), vec![Value::Int32(5)]);
        let datum = Datum::new(one, Value::Struct(value.into()));
        let seen = Compatibility::Backward.projected(&datum, Some(&two)).unwrap().unwrap();
        let Value::Struct(inner) = &seen.value else { panic!("{seen:?}") };
        assert_eq!(inner.values(), [Value::Int64(5), Value::Null]);
        assert!(Compatibility::None.projected(&datum, Some(&two)).unwrap().is_none());
    }
}
