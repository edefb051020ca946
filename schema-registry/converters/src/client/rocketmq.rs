//! The REST API of RocketMQ Schema Registry.
//!
//! It answers what is wrong with HTTP status codes of five digits, which are none: an HTTP client
//! cannot even read such an answer. So nothing is asked for that may not be there.

use gantry_schema_model::Dependency;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::http::{Http, segment};
use super::{Answer, Candidate, Reference, Registered, Registry, RegistryError};
use crate::id::SchemaId;
use crate::keys;

pub(super) const MEDIA_TYPE: &str = "application/json";

/// The long form: the short one has no lists.
const ROOT: &str = "/schema-registry/v1/cluster/default/tenant/default";

/// A registry with RocketMQ's API.
pub(super) struct RocketMq {
    http: Http,
}

/// A version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    /// `tenant/name`
    #[serde(alias = "schemaFullName")]
    schema: String,
    version: i32,
    record_id: i64,
    idl: String,
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    version: i32,
    record_id: i64,
}

impl Version {
    fn registered(self) -> Registered {
        Registered {
            record: Some(self.record_id),
            version: Some(self.version),
            schema_type: self.r#type,
            text: Some(self.idl),
            ..Registered::default()
        }
    }

    /// Its name, without the tenant.
    fn name(&self) -> &str {
        self.schema.rsplit('/').next().unwrap_or_default()
    }

    fn is(&self, text: &str) -> bool {
        let json = |text: &str| serde_json::from_str::<Json>(text).ok();
        self.idl == text || json(&self.idl).is_some_and(|idl| json(text) == Some(idl))
    }
}

fn missing(what: String) -> RegistryError {
    RegistryError::Refused { status: 404, code: 40401, message: what }
}

impl RocketMq {
    pub(super) fn new(http: Http) -> Self {
        Self { http }
    }

    /// All versions in a subject; none if there is no such subject.
    fn versions(&mut self, subject: &str) -> Answer<Vec<Version>> {
        let path = format!("{ROOT}/subjects");
        let subjects: Vec<String> = self.http.json("GET", &path, None)?;
        let is_there = |known: &String| known.rsplit('/').next() == Some(subject);
        if !subjects.iter().any(is_there) {
            return Ok(Vec::new());
        }
        let path = format!("{ROOT}/subject/{}/schema/versions", segment(subject));
        self.http.json("GET", &path, None)
    }

    fn newest(&mut self, subject: &str) -> Answer<Option<Version>> {
        Ok(self.versions(subject)?.into_iter().max_by_key(|version| version.version))
    }
}

impl Registry for RocketMq {
    fn register(&mut self, schema: Candidate<'_>) -> Answer<Registered> {
        let mut versions = self.versions(schema.subject)?;
        if let Some(at) = versions.iter().position(|version| version.is(schema.text)) {
            return Ok(versions.swap_remove(at).registered());
        }
        // All versions of a subject are versions of one schema there.
        let (method, name) = match versions.first() {
            Some(version) => ("PUT", version.name()),
            None => ("POST", schema.name.unwrap_or(schema.subject)),
        };
        let name = segment(name.rsplit('.').next().unwrap_or(name));
        let path = format!("{ROOT}/subject/{}/schema/{name}", segment(schema.subject));
        let body = json!({ "schemaIdl": schema.text, "schemaType": schema.schema_type });
        let written: Written = self.http.json(method, &path, Some(&body))?;
        Ok(Registered {
            record: Some(written.record_id),
            version: Some(written.version),
            ..Registered::default()
        })
    }

    fn lookup(&mut self, schema: Candidate<'_>, _deleted: bool) -> Answer<Registered> {
        let versions = self.versions(schema.subject)?;
        let found = versions.into_iter().find(|version| version.is(schema.text));
        found.map(Version::registered).ok_or_else(|| {
            missing(format!("there is no such schema in the subject {}", schema.subject))
        })
    }

    fn by_id(&mut self, id: SchemaId, subject: &str) -> Answer<Registered> {
        let SchemaId::Record(record) = id else {
            let (key, value) = (keys::REGISTRY_API, keys::API_CONFLUENT);
            return Err(missing(format!(
                "{id} is no record id of RocketMQ Schema Registry; set {key}={value} where data \
                 were written with another registry"
            )));
        };
        let path = format!("{ROOT}/subject/{}/recordId/{record}/schema", segment(subject));
        Ok(self.http.json::<Version>("GET", &path, None)?.registered())
    }

    fn latest(&mut self, subject: &str) -> Answer<Registered> {
        let newest = self.newest(subject)?;
        newest
            .map(Version::registered)
            .ok_or_else(|| missing(format!("there is no subject {subject}")))
    }

    fn latest_with(&mut self, subject: &str, _property: (&str, &str)) -> Answer<Registered> {
        Err(missing(format!(
            "RocketMQ Schema Registry keeps no metadata, {subject} has none; remove {}",
            keys::LATEST_WITH_METADATA
        )))
    }

    fn dependencies(&mut self, references: &[Reference]) -> Answer<Vec<Dependency>> {
        match references.first() {
            None => Ok(Vec::new()),
            Some(to) => Err(missing(format!(
                "RocketMQ Schema Registry knows no references such as {}",
                to.name
            ))),
        }
    }

    fn associated(&mut self, _: &str, _: Option<&str>, _: &str) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }
}
