//! Confluent's REST API.

use std::collections::HashSet;

use gantry_schema_model::Dependency;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::http::{Http, segment};
use super::{Answer, Candidate, Reference, Registered, Registry, RegistryError};
use crate::id::{SchemaId, guid_of, guid_text};
use crate::keys;

pub(super) const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// No schema needs more others than this.
const DEPENDENCIES_MAX: usize = 10_000;

/// A registry with Confluent's API.
pub(super) struct Confluent {
    http: Http,
    /// Whether it knows which subjects belong to a topic; until it says that it does not.
    associates: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    id: Option<i32>,
    subject: Option<String>,
    version: Option<i32>,
    guid: Option<String>,
    schema_type: Option<String>,
    schema: Option<String>,
    references: Option<Vec<Reference>>,
}

impl Entity {
    fn registered(self) -> Registered {
        Registered {
            id: self.id,
            guid: self.guid.as_deref().and_then(guid_of),
            record: None,
            version: self.version,
            schema_type: self.schema_type,
            text: self.schema,
            references: self.references.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
struct Association {
    subject: String,
}

impl Confluent {
    pub(super) fn new(http: Http) -> Self {
        Self { http, associates: true }
    }

    fn get(&mut self, path: &str) -> Answer<Entity> {
        self.http.json("GET", path, None)
    }
}

fn body(schema: Candidate<'_>) -> Json {
    let mut body = json!({ "schema": schema.text });
    // Registries from before there were others know no types.
    if schema.schema_type != "AVRO" {
        body["schemaType"] = schema.schema_type.into();
    }
    if !schema.references.is_empty() {
        let reference = |to: &Reference| json!({ "name": to.name, "subject": to.subject, "version": to.version });
        body["references"] = schema.references.iter().map(reference).collect();
    }
    body
}

impl Registry for Confluent {
    fn register(&mut self, schema: Candidate<'_>) -> Answer<Registered> {
        let (subject, normalize) = (segment(schema.subject), schema.normalize);
        let path = format!("/subjects/{subject}/versions?normalize={normalize}");
        let entity: Entity = self.http.json("POST", &path, Some(&body(schema)))?;
        Ok(entity.registered())
    }

    fn lookup(&mut self, schema: Candidate<'_>, deleted: bool) -> Answer<Registered> {
        let (subject, normalize) = (segment(schema.subject), schema.normalize);
        let path = format!("/subjects/{subject}?normalize={normalize}&deleted={deleted}");
        let entity: Entity = self.http.json("POST", &path, Some(&body(schema)))?;
        Ok(entity.registered())
    }

    fn by_id(&mut self, id: SchemaId, subject: &str) -> Answer<Registered> {
        let path = match id {
            SchemaId::Guid(guid) => format!("/schemas/guids/{}", guid_text(&guid)),
            SchemaId::Id(id) => format!("/schemas/ids/{id}?subject={}", segment(subject)),
            SchemaId::Record(_) => {
                let (key, value) = (keys::REGISTRY_API, keys::API_ROCKETMQ);
                let message = format!(
                    "{id} is an id of RocketMQ Schema Registry; set {key}={value} where that is \
                     the registry"
                );
                return Err(RegistryError::Refused { status: 404, code: 40403, message });
            }
        };
        let entity = self.get(&path)?;
        let is_in_subject = entity.subject.as_deref() == Some(subject);
        let mut found = entity.registered();
        if !is_in_subject {
            found.version = None;
        }
        if let SchemaId::Id(id) = id {
            found.id = Some(id);
        }
        Ok(found)
    }

    fn latest(&mut self, subject: &str) -> Answer<Registered> {
        let path = format!("/subjects/{}/versions/latest", segment(subject));
        Ok(self.get(&path)?.registered())
    }

    fn latest_with(&mut self, subject: &str, property: (&str, &str)) -> Answer<Registered> {
        let (key, value) = (segment(property.0), segment(property.1));
        let path = format!("/subjects/{}/metadata?key={key}&value={value}", segment(subject));
        Ok(self.get(&path)?.registered())
    }

    fn dependencies(&mut self, references: &[Reference]) -> Answer<Vec<Dependency>> {
        let mut known = HashSet::new();
        let mut all = Vec::new();
        // A reference that was followed stands below what it refers to itself, to be listed
        // behind that.
        let mut stack: Vec<(Reference, Option<String>)> =
            references.iter().rev().map(|to| (to.clone(), None)).collect();
        while let Some((to, text)) = stack.pop() {
            if let Some(text) = text {
                all.push(Dependency { name: to.name, text });
                continue;
            }
            if !known.insert((to.subject.clone(), to.version, to.name.clone())) {
                continue;
            }
            if known.len() > DEPENDENCIES_MAX {
                let message = format!("it refers to more than {DEPENDENCIES_MAX} schemas");
                return Err(RegistryError::Refused { status: 422, code: 42201, message });
            }
            let (subject, version) = (segment(&to.subject), to.version);
            let path = format!("/subjects/{subject}/versions/{version}?deleted=true");
            let found = self.get(&path)?.registered();
            stack.push((to, Some(found.text.unwrap_or_default())));
            stack.extend(found.references.into_iter().rev().map(|to| (to, None)));
        }
        Ok(all)
    }

    fn associated(
        &mut self,
        topic: &str,
        cluster: Option<&str>,
        part: &str,
    ) -> Answer<Vec<String>> {
        if !self.associates {
            return Ok(Vec::new());
        }
        let (cluster, topic) = (segment(cluster.unwrap_or("-")), segment(topic));
        let path = format!(
            "/associations/resources/{cluster}/{topic}?resourceType=topic&associationType={part}"
        );
        match self.http.json::<Vec<Association>>("GET", &path, None) {
            Ok(list) => Ok(list.into_iter().map(|association| association.subject).collect()),
            Err(error) if error.is_missing() => {
                self.associates = false;
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}
