//! What is known of schemas, in the form in which both the REST API and the topic have it.

use std::collections::{BTreeMap, BTreeSet};

use gantry_schema_registry::names::{context_of, normalize, qualify_with};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

/// The format of schemas that name none.
const DEFAULT_TYPE: &str = "AVRO";

/// Null is nothing, as what is not there.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// What a schema refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) subject: String,
    /// -1 is the latest.
    pub(super) version: i32,
}

/// A version of a subject.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    #[serde(default)]
    pub(super) subject: String,
    #[serde(default)]
    pub(super) version: i32,
    pub(super) id: i32,
    #[serde(default, skip_serializing)]
    pub(super) guid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schema_type: Option<String>,
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rule_set: Option<Json>,
    #[serde(default)]
    pub(super) schema: String,
    /// Not every registry says so.
    #[serde(default)]
    pub(super) deleted: Option<bool>,
}

/// A subject and a version.
pub(super) type Place = (String, i32);

/// How alike two schemas are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// All is the same.
    Same,
    /// The JSON is the same, but not its text.
    OtherForm,
    /// What is named differs.
    Different(&'static str),
}

impl Version {
    /// In the one form that is compared and written.
    pub(super) fn settled(mut self) -> Self {
        self.subject = normalize(&self.subject);
        self.schema_type = self.schema_type.filter(|schema_type| schema_type != DEFAULT_TYPE);
        self
    }

    pub(super) fn schema_type(&self) -> &str {
        self.schema_type.as_deref().unwrap_or(DEFAULT_TYPE)
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleted == Some(true)
    }

    pub(super) fn place(&self) -> Place {
        (self.subject.clone(), self.version)
    }

    /// What its id is unique in.
    pub(super) fn context(&self) -> &str {
        context_of(&self.subject)
    }

    /// The subjects and versions that it refers to.
    pub(super) fn targets(&self) -> impl Iterator<Item = Place> {
        let target = |reference: &Reference| {
            (qualify_with(&self.subject, &reference.subject), reference.version)
        };
        self.references.iter().map(target)
    }

    /// How alike the schemas are, wherever they are.
    pub(super) fn likeness(&self, other: &Self) -> Likeness {
        if self.schema_type() != other.schema_type() {
            return Likeness::Different("format");
        }
        if self.references != other.references {
            return Likeness::Different("references");
        }
        if bare(self.metadata.as_ref()) != bare(other.metadata.as_ref()) {
            return Likeness::Different("metadata");
        }
        if bare(self.rule_set.as_ref()) != bare(other.rule_set.as_ref()) {
            return Likeness::Different("rule set");
        }
        if self.schema != other.schema {
            let json = |text: &str| serde_json::from_str::<Json>(text).ok();
            let (ours, theirs) = (json(&self.schema), json(&other.schema));
            return if ours.is_some() && ours == theirs {
                Likeness::OtherForm
            } else {
                Likeness::Different("text")
            };
        }
        match (&self.guid, &other.guid) {
            (Some(ours), Some(theirs)) if ours != theirs => Likeness::Different("guid"),
            _ => Likeness::Same,
        }
    }
}

/// Without what says nothing: registries differ in whether they show it.
fn bare(json: Option<&Json>) -> Option<Json> {
    let is_something = |json: &Json| match json {
        Json::Null | Json::Bool(false) => false,
        Json::Array(list) => !list.is_empty(),
        Json::Object(map) => !map.is_empty(),
        _ => true,
    };
    let bared = match json? {
        Json::Object(map) => {
            let bared = map.iter().filter_map(|(k, v)| Some((k.clone(), bare(Some(v))?)));
            Json::Object(bared.collect())
        }
        Json::Array(list) => list.iter().filter_map(|entry| bare(Some(entry))).collect(),
        other => other.clone(),
    };
    Some(bared).filter(is_something)
}

/// All that a registry knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) versions: BTreeMap<Place, Version>,
    /// Configs by the names of subjects and contexts; an empty name is the default context.
    pub(super) configs: BTreeMap<String, Json>,
    /// Modes, likewise.
    pub(super) modes: BTreeMap<String, String>,
    /// Contexts beside the default one, with their dots.
    pub(super) contexts: BTreeSet<String>,
    /// What was passed over, for the user.
    pub(super) notes: Vec<String>,
}

impl Contents {
    /// So that each version stands behind what it refers to: one level after the other, each in
    /// the order of contexts, ids, subjects and versions.
    pub(super) fn levels(&self) -> Result<Vec<Vec<&Version>>, String> {
        let latest = self.latest();
        // How many of its references are not placed yet, and who waits for a version.
        let mut open = BTreeMap::<&Place, usize>::new();
        let mut waiting = BTreeMap::<&Place, Vec<&Place>>::new();
        for (place, version) in &self.versions {
            let mut count = 0;
            for (subject, number) in version.targets() {
                let number = if number < 0 { latest.get(subject.as_str()) } else { Some(&number) };
                let target = number.and_then(|n| self.versions.get_key_value(&(subject, *n)));
                if let Some((target, _)) = target {
                    waiting.entry(target).or_default().push(place);
                    count += 1;
                }
            }
            open.insert(place, count);
        }
        let mut levels = Vec::new();
        let mut next: Vec<&Place> =
            open.iter().filter(|(_, n)| **n == 0).map(|(p, _)| *p).collect();
        while !next.is_empty() {
            let mut level: Vec<&Version> =
                next.iter().filter_map(|place| self.versions.get(*place)).collect();
            level.sort_by_key(|v| (v.context(), v.id, v.subject.as_str(), v.version));
            levels.push(level);
            let mut ready = Vec::new();
            for done in next {
                open.remove(done);
                for place in waiting.remove(done).unwrap_or_default() {
                    if let Some(count) = open.get_mut(place) {
                        *count -= 1;
                        if *count == 0 {
                            ready.push(place);
                        }
                    }
                }
            }
            next = ready;
        }
        match open.into_keys().next() {
            None => Ok(levels),
            Some((subject, version)) => Err(format!(
                "{subject} version {version} refers to itself, directly or not: that cannot be \
                 registered anywhere"
            )),
        }
    }

    /// The latest live version of each subject.
    fn latest(&self) -> BTreeMap<&str, i32> {
        let live = self.versions.values().filter(|version| !version.is_deleted());
        live.map(|version| (version.subject.as_str(), version.version)).collect()
    }

    /// Of how many subjects there are versions.
    pub(super) fn subjects(&self) -> BTreeSet<&str> {
        self.versions.keys().map(|(subject, _)| subject.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(subject: &str, number: i32, id: i32, targets: &[(&str, i32)]) -> Version {
        let reference = |(subject, version): &(&str, i32)| Reference {
            name: (*subject).to_owned(),
            subject: (*subject).to_owned(),
            version: *version,
        };
        Version {
            subject: subject.to_owned(),
            version: number,
            id,
            references: targets.iter().map(reference).collect(),
            schema: format!("{{\"id\": {id}}}"),
            ..Version::default()
        }
    }

    fn order(versions: Vec<Version>) -> Result<Vec<Vec<(String, i32)>>, String> {
        let versions = versions.into_iter().map(|version| (version.place(), version)).collect();
        let contents = Contents { versions, ..Contents::default() };
        let levels = contents.levels()?;
        Ok(levels.iter().map(|level| level.iter().map(|v| v.place()).collect()).collect())
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        let places = |list: &[(&str, i32)]| -> Vec<Place> {
            list.iter().map(|(subject, version)| ((*subject).to_owned(), *version)).collect()
        };
        let levels = order(vec![
            version("a", 1, 9, &[("z", 2)]),
            version("b", 1, 8, &[("a", 1), ("z", -1)]),
            version("z", 1, 5, &[]),
            version("z", 2, 2, &[("gone", 1)]),
            version(":.c:z", 1, 7, &[]),
            version(":.c:a", 1, 1, &[("z", 1), ("z", 1)]),
        ]);
        let expected = vec![
            places(&[("z", 2), ("z", 1), (":.c:z", 1)]),
            places(&[("a", 1), (":.c:a", 1)]),
            places(&[("b", 1)]),
        ];
        assert_eq!(levels.unwrap(), expected);
    }

    #[test]
    fn a_circle_is_named() {
        let error = order(vec![version("a", 1, 1, &[("b", 1)]), version("b", 1, 2, &[("a", 1)])]);
        assert!(error.unwrap_err().starts_with("a version 1 refers to itself"));
    }

    #[test]
    fn what_says_nothing_makes_no_difference() {
        let with = |metadata: Json, schema: &str| {
            let plain = version("a", 1, 1, &[]);
            Version { metadata: Some(metadata), schema: schema.to_owned(), ..plain }
        };
        let ours = with(json!({"properties": {"a": "b"}, "tags": null}), "{\"a\":1}");
        let theirs = with(json!({"properties": {"a": "b"}, "sensitive": []}), "{\"a\":1}");
        assert_eq!(ours.likeness(&theirs), Likeness::Same);
        let form = with(json!({"properties": {"a": "b"}}), "{ \"a\" : 1 }");
        assert_eq!(ours.likeness(&form), Likeness::OtherForm);
        let other = with(json!({"properties": {"a": "c"}}), "{\"a\":1}");
        assert_eq!(ours.likeness(&other), Likeness::Different("metadata"));
        let text = with(json!({"properties": {"a": "b"}}), "{\"a\":2}");
        assert_eq!(ours.likeness(&text), Likeness::Different("text"));
        let proto = Version { schema_type: Some("PROTOBUF".to_owned()), ..ours.clone() };
        assert_eq!(ours.likeness(&proto), Likeness::Different("format"));
    }
}
