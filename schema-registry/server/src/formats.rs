//! The formats of schemas, behind one type.

use std::hash::{DefaultHasher, Hash, Hasher};

use gantry_schema_avro::Avro;
use gantry_schema_json::{Json, Policy};
use gantry_schema_model::{Dependency, Format, InvalidSchema, Node, ParsedSchema};
use gantry_schema_protobuf::Protobuf;

/// The names of the formats, as `/schemas/types` lists them.
pub(crate) const TYPES: [&str; 3] = ["JSON", "PROTOBUF", "AVRO"];
/// The format of a schema that names none.
pub(crate) const DEFAULT_TYPE: &str = "AVRO";

/// A schema that was read, of one format or another.
#[derive(Debug)]
pub(crate) enum Parsed {
    Avro(<Avro as Format>::Schema),
    Protobuf(<Protobuf as Format>::Schema),
    Json(<Json as Format>::Schema),
}

impl Parsed {
    /// Reads a schema; `None` if there is no such format.
    pub(crate) fn parse(
        schema_type: &str,
        text: &str,
        dependencies: &[Dependency],
        is_new: bool,
    ) -> Option<Result<Self, InvalidSchema>> {
        Some(match schema_type {
            "AVRO" => Avro::parse(text, dependencies, is_new).map(Self::Avro),
            "PROTOBUF" => Protobuf::parse(text, dependencies, is_new).map(Self::Protobuf),
            "JSON" => Json::parse(text, dependencies, is_new).map(Self::Json),
            _ => return None,
        })
    }

    fn schema(&self) -> &dyn ParsedSchema {
        match self {
            Self::Avro(schema) => schema,
            Self::Protobuf(schema) => schema,
            Self::Json(schema) => schema,
        }
    }

    /// The text that is kept.
    pub(crate) fn canonical(&self) -> &str {
        self.schema().canonical()
    }

    /// The name of what it describes, where the format has names.
    pub(crate) fn name(&self) -> Option<String> {
        self.schema().name()
    }

    /// The text that is kept where normalizing is asked for.
    pub(crate) fn normalized(&self) -> String {
        self.schema().normalized()
    }

    /// The text in a form that a request names.
    pub(crate) fn formatted(&self, form: &str) -> Result<String, InvalidSchema> {
        self.schema().formatted(form)
    }

    /// What keeps this one from reading what was written with the other, in sentences that call
    /// the two by `names`; `None` if they are of different formats. `lenient`: of JSON objects
    /// only the properties count that both schemas know.
    pub(crate) fn incompatibilities(
        &self,
        writer: &Self,
        lenient: bool,
        names: (&str, &str),
    ) -> Option<Vec<String>> {
        let sentences = match (self, writer) {
            (Self::Avro(reader), Self::Avro(writer)) => Avro::incompatibilities(reader, writer),
            (Self::Protobuf(reader), Self::Protobuf(writer)) => {
                Protobuf::incompatibilities(reader, writer)
            }
            (Self::Json(reader), Self::Json(writer)) if lenient => {
                return Some(reader.sentences(writer, Policy::Lenient, names));
            }
            (Self::Json(reader), Self::Json(writer)) => Json::incompatibilities(reader, writer),
            _ => return None,
        };
        Some(sentences.iter().map(|sentence| with_names(sentence, names)).collect())
    }

    /// Whether two describe the same, however they are written down.
    pub(crate) fn is_equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Protobuf(one), Self::Protobuf(other)) => one.canonical() == other.canonical(),
            (Self::Avro(_), Self::Avro(_)) | (Self::Json(_), Self::Json(_)) => {
                same_tree(self.canonical(), other.canonical())
            }
            _ => false,
        }
    }

    /// A number that is the same for schemas that are equivalent, and rarely for others.
    pub(crate) fn shape(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match (self, Node::parse(self.canonical())) {
            (Self::Avro(_) | Self::Json(_), Ok(node)) => sorted(node).to_string().hash(&mut hasher),
            _ => self.canonical().hash(&mut hasher),
        }
        hasher.finish()
    }

    /// Whether this one, which has all that it needs in its own text, is the other with its
    /// references put in place.
    pub(crate) fn is_resolved(&self, other: &Self) -> bool {
        let (Ok(one), Ok(other)) = (self.formatted("resolved"), other.formatted("resolved")) else {
            return false;
        };
        one == other || same_tree(&one, &other)
    }

    /// Names of the fields at the top.
    pub(crate) fn top_level_fields(&self) -> Vec<String> {
        if let Self::Protobuf(schema) = self {
            return schema.top_level_fields().map(str::to_owned).collect();
        }
        let Ok(node) = Node::parse(self.canonical()) else { return Vec::new() };
        match self {
            Self::Avro(_) => match node.get("fields") {
                Some(Node::List(fields)) => {
                    let name = |field: &Node| field.get("name")?.as_text().map(str::to_owned);
                    fields.iter().filter_map(name).collect()
                }
                _ => Vec::new(),
            },
            Self::Json(_) => match node.get("properties") {
                Some(Node::Map(fields)) => fields.iter().map(|(name, _)| name.clone()).collect(),
                _ => Vec::new(),
            },
            Self::Protobuf(_) => Vec::new(),
        }
    }
}

/// A sentence with names put in: the formats leave a `%s` for who reads and one for who writes.
fn with_names(sentence: &str, (reader, writer): (&str, &str)) -> String {
    sentence.replacen("%s", reader, 1).replacen("%s", writer, 1)
}

/// Whether two texts are the same JSON but for the order of keys.
fn same_tree(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (Node::parse(one), Node::parse(other)) {
        (Ok(one), Ok(other)) => sorted(one) == sorted(other),
        _ => false,
    }
}

fn sorted(node: Node) -> Node {
    match node {
        Node::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
            Node::Map(pairs)
        }
        Node::List(items) => Node::List(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_both_sides() {
        let sentence = "in the %s schema and not in the %s schema";
        let named = with_names(sentence, ("new", "old"));
        assert_eq!(named, "in the new schema and not in the old schema");
        assert_eq!(with_names("as it is", ("old", "new")), "as it is");
    }

    #[test]
    fn the_order_of_keys_makes_no_other_schema() {
        let read = |text| Parsed::parse("JSON", text, &[], false).unwrap().unwrap();
        let (one, other) = (r#"{"type":"object","title":"a"}"#, r#"{"title":"a","type":"object"}"#);
        assert!(read(one).is_equivalent(&read(other)));
        assert_eq!(read(one).shape(), read(other).shape());
        assert_ne!(read(one).shape(), read(r#"{"type":"object"}"#).shape());
        assert!(!read(one).is_equivalent(&read(r#"{"type":"object"}"#)));
        assert!(Parsed::parse("THRIFT", one, &[], false).is_none());
    }
}
