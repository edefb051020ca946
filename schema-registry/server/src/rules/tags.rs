//! Tags that stand in the text of a schema.

use super::parse::{Rules, parse};
use super::request::SchemaRequest;
use crate::error::RegistryError;
use crate::model::{Schema, Stored};
use crate::shared::Shared;

mod avro;
mod json;

use gantry_schema_model::Node;
use serde_json::{Value as Json, json};

/// The member that holds tags.
const TAGS: &str = "confluent:tags";

/// What a tag is on: a record or a field, by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    path: String,
    /// Another path that names it.
    other: Option<String>,
    is_record: bool,
}

impl Entity {
    fn field(path: String) -> Self {
        Self { path, other: None, is_record: false }
    }

    fn record(path: String) -> Self {
        Self { path, other: None, is_record: true }
    }

    /// Also named by another path.
    fn or(self, other: String) -> Self {
        Self { other: Some(other), ..self }
    }

    /// Whether this one, from a request, names one of a schema; a dot in front means nothing.
    fn names(&self, one: &Self) -> bool {
        let path = self.path.strip_prefix('.').unwrap_or(&self.path);
        let is_it = path == one.path || one.other.as_deref() == Some(path);
        is_it && self.is_record == one.is_record
    }
}

/// Tags of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    entity: Entity,
    tags: Vec<String>,
}

impl Tagged {
    fn shown(&self) -> Json {
        let type_ = if self.entity.is_record { "sr_record" } else { "sr_field" };
        let entity = json!({"entityPath": self.entity.path, "entityType": type_});
        json!({"schemaEntity": entity, "tags": self.tags})
    }

    fn read(value: &Json) -> Result<Self, RegistryError> {
        let wrong = || {
            let message = format!(
                "Schema tags are wrong: {value}; write {{\"schemaEntity\": {{\"entityPath\": ..., \
                 \"entityType\": \"sr_record\" or \"sr_field\"}}, \"tags\": [...]}}"
            );
            RegistryError::invalid_schema(message)
        };
        let entity = value.get("schemaEntity").ok_or_else(wrong)?;
        let path = entity.get("entityPath").and_then(Json::as_str).ok_or_else(wrong)?.to_owned();
        let is_record = match entity.get("entityType").and_then(Json::as_str) {
            Some(type_) if type_.eq_ignore_ascii_case("sr_record") => true,
            Some(type_) if type_.eq_ignore_ascii_case("sr_field") => false,
            _ => return Err(wrong()),
        };
        let tags = value.get("tags").and_then(Json::as_array).ok_or_else(wrong)?;
        let tags = tags.iter().map(|tag| tag.as_str().map(str::to_owned).ok_or_else(wrong));
        let entity = if is_record { Entity::record(path) } else { Entity::field(path) };
        Ok(Self { entity, tags: tags.collect::<Result<_, _>>()? })
    }
}

/// Calls `visit` with each entity of a schema and its object.
fn walk(schema_type: &str, node: &mut Node, visit: &mut dyn FnMut(Entity, &mut Node)) {
    match schema_type {
        "AVRO" => avro::walk(node, visit),
        _ => json::walk(node, visit),
    }
}

fn tags_of(node: &Node) -> Vec<String> {
    match node.get(TAGS) {
        Some(Node::List(tags)) => {
            tags.iter().filter_map(|tag| tag.as_text().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

fn set_tags(node: &mut Node, tags: Vec<String>) {
    let Node::Map(members) = node else { return };
    let list = Node::List(tags.into_iter().map(Node::Text).collect());
    let is_empty = matches!(&list, Node::List(tags) if tags.is_empty());
    match members.iter().position(|(name, _)| name == TAGS) {
        Some(at) if is_empty => drop(members.remove(at)),
        Some(at) => members[at].1 = list,
        None if is_empty => {}
        None => members.push((TAGS.to_owned(), list)),
    }
}

fn tree(schema: &Schema) -> Result<Node, RegistryError> {
    if schema.schema_type == "PROTOBUF" {
        let message = "Tags in Protobuf schemas cannot be changed or listed here: write them into \
                       the schema as options";
        return Err(RegistryError::invalid_schema(message));
    }
    Node::parse(schema.text.as_deref().unwrap_or_default()).map_err(RegistryError::invalid_schema)
}

/// Lists the tags in a schema: those asked for, `*` for all.
pub(crate) fn found(schema: &Schema, wanted: &[String]) -> Result<Vec<Json>, RegistryError> {
    let mut node = tree(schema)?;
    let mut all = Vec::new();
    walk(&schema.schema_type, &mut node, &mut |entity, node| {
        let tags = tags_of(node);
        let is_wanted = wanted.iter().any(|tag| tag == "*" || tags.contains(tag));
        if !tags.is_empty() && is_wanted {
            all.push(Tagged { entity, tags }.shown());
        }
    });
    Ok(all)
}

/// Puts tags into a schema and takes others out.
pub(crate) fn change(
    schema: &mut Schema,
    to_add: &[Tagged],
    to_remove: &[Tagged],
) -> Result<(), RegistryError> {
    let mut node = tree(schema)?;
    let mut met = vec![false; to_add.len() + to_remove.len()];
    walk(&schema.schema_type, &mut node, &mut |entity, node| {
        let mut tags = tags_of(node);
        for (tagged, met) in to_add.iter().zip(&mut met) {
            if tagged.entity.names(&entity) {
                *met = true;
                let new = tagged.tags.iter().filter(|tag| !tags.contains(tag));
                let new: Vec<String> = new.cloned().collect();
                tags.extend(new);
            }
        }
        for (tagged, met) in to_remove.iter().zip(met.iter_mut().skip(to_add.len())) {
            if tagged.entity.names(&entity) {
                *met = true;
                tags.retain(|tag| !tagged.tags.contains(tag));
            }
        }
        if tags != tags_of(node) {
            set_tags(node, tags);
        }
    });
    let asked = to_add.iter().chain(to_remove);
    if let Some((missed, _)) = asked.zip(met).find(|(_, met)| !met) {
        let path = &missed.entity.path;
        return Err(RegistryError::invalid_schema(format!(
            "No matching path '{path}' found in the schema"
        )));
    }
    schema.text = Some(node.to_string());
    Ok(())
}

/// Reads a list of tags.
pub(crate) fn read(list: &[Json]) -> Result<Vec<Tagged>, RegistryError> {
    list.iter().map(Tagged::read).collect()
}

/// The schema that a request asks for, with the tags that it asks for in its text.
pub(crate) fn applied_to_request(
    shared: &Shared,
    subject: &str,
    request: &SchemaRequest,
) -> Result<Schema, RegistryError> {
    let mut schema = request.to_schema(subject);
    if schema.is_empty() {
        let latest = shared.state().latest(subject).cloned();
        let latest = latest.ok_or_else(|| RegistryError::invalid_schema("Empty schema"))?;
        schema.text.clone_from(&latest.schema.text);
        schema.schema_type.clone_from(&latest.schema.schema_type);
        schema.references.clone_from(&latest.schema.references);
    }
    parse(shared, &mut schema, Rules::Stored, None)?;
    change(&mut schema, &read(&request.tags_to_add)?, &read(&request.tags_to_remove)?)?;
    // So that the version is written into the metadata.
    schema.version = request.version.unwrap_or(-1);
    Ok(schema)
}

/// Puts the tags of the version before into a schema.
pub(crate) fn propagate(
    shared: &Shared,
    previous: &Stored,
    schema: &mut Schema,
) -> Result<(), RegistryError> {
    if previous.schema.schema_type != schema.schema_type || schema.schema_type == "PROTOBUF" {
        return Ok(());
    }
    let mut before = Vec::new();
    let mut node = tree(&previous.schema)?;
    walk(&schema.schema_type, &mut node, &mut |entity, node| {
        let tags = tags_of(node);
        if !tags.is_empty() {
            before.push(Tagged { entity, tags });
        }
    });
    let mut here = Vec::new();
    parse(shared, schema, Rules::Stored, None)?;
    walk(&schema.schema_type, &mut tree(schema)?, &mut |entity, _| here.push(entity));
    before.retain(|tagged| here.iter().any(|entity| tagged.entity.names(entity)));
    if before.is_empty() { Ok(()) } else { change(schema, &before, &[]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(schema_type: &str, text: &str) -> Schema {
        let schema_type = schema_type.to_owned();
        Schema { schema_type, text: Some(text.to_owned()), ..Schema::default() }
    }

    fn tag(path: &str, tag: &str) -> Tagged {
        Tagged { entity: Entity::field(path.to_owned()), tags: vec![tag.to_owned()] }
    }

    #[test]
    fn tags_come_and_go() {
        let text = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
        let mut avro = schema("AVRO", text);
        change(&mut avro, &[tag("R.a", "PII")], &[]).unwrap();
        assert!(avro.text.as_ref().unwrap().contains(r#""confluent:tags":["PII"]"#));
        let found = found(&avro, &["*".to_owned()]).unwrap();
        assert_eq!(found[0]["schemaEntity"]["entityPath"], "R.a");
        assert_eq!(found.len(), 1);
        change(&mut avro, &[], &[tag(".R.a", "PII")]).unwrap();
        assert_eq!(avro.text.as_deref(), Some(text));
        assert!(change(&mut avro, &[tag("R.b", "PII")], &[]).is_err());
    }

    #[test]
    fn fields_of_inner_records_are_named_by_their_own_record() {
        let inner = r#"{"type":"record","name":"I","fields":[{"name":"b","type":"int"}]}"#;
        let text = format!(
            r#"{{"type":"record","name":"R","namespace":"n","fields":[{{"name":"a","type":["null",{inner}]}}]}}"#
        );
        for path in ["n.I.b", "I.b"] {
            let mut avro = schema("AVRO", &text);
            change(&mut avro, &[tag(path, "PII")], &[]).unwrap();
            let found = found(&avro, &["PII".to_owned()]).unwrap();
            assert_eq!(found[0]["schemaEntity"]["entityPath"], "n.I.b");
        }
        let mut avro = schema("AVRO", &text);
        assert!(change(&mut avro, &[tag("m.I.b", "PII")], &[]).is_err());
    }

    #[test]
    fn properties_of_objects_are_fields() {
        let text = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
        let mut json = schema("JSON", text);
        change(&mut json, &[tag("object.a", "PII")], &[]).unwrap();
        assert!(json.text.unwrap().contains(r#""a":{"type":"string","confluent:tags":["PII"]}"#));
    }
}
