//! Records of the topic `_schemas` as lines: an export, or what `kafka-console-consumer` prints.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use gantry_schema_registry::names::{
    DEFAULT_CONTEXT, GLOBAL_CONTEXT, context_of, normalize, prefix_of,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::model::{Contents, Place, Version};

/// Standard input or output.
pub(super) const STANDARD: &str = "-";
/// A longer line is none of a registry.
const LINE_BYTES_MAX: u64 = 64 << 20;
/// The one tenant of a registry that is nobody's service.
const TENANT: &str = "default";
/// What else a line may be.
const EXPECTED: &str = "expected is a line of an export, or a key, a tab and a value, as \
    kafka-console-consumer --property print.key=true prints them";

/// The key of a record.
#[derive(Debug, Deserialize)]
struct Key {
    keytype: String,
    subject: Option<String>,
    version: Option<i32>,
    context: Option<String>,
}

/// A line of an export.
#[derive(Debug, Deserialize)]
struct Record {
    key: Key,
    value: Option<Json>,
}

/// Reads a file; - is standard input.
pub(super) fn read(file: &Path) -> Result<Contents, String> {
    if file.as_os_str() == STANDARD {
        return read_lines(&mut io::stdin().lock()).map_err(|why| format!("standard input: {why}"));
    }
    let open = File::open(file).map_err(|error| error.to_string());
    open.and_then(|open| read_lines(&mut BufReader::new(open)))
        .map_err(|why| format!("--from {}: {why}", file.display()))
}

fn read_lines(input: &mut dyn BufRead) -> Result<Contents, String> {
    let mut fold = Fold::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut bounded = (&mut *input).take(LINE_BYTES_MAX);
        let count = bounded.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        if count == 0 {
            break;
        }
        if line.last() != Some(&b'\n') && bounded.limit() == 0 {
            return Err(format!("line {number} is longer than {LINE_BYTES_MAX} bytes"));
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            let taken = parse(text).and_then(|record| fold.take(record));
            taken.map_err(|why| format!("line {number}: {why}"))?;
        }
    }
    Ok(fold.finish())
}

/// A line is `{"key":…,"value":…}`, or key and value with a tab between them, perhaps behind
/// columns of time, partition and the like.
fn parse(line: &[u8]) -> Result<Record, String> {
    let wrong = |error: serde_json::Error| {
        format!("this is no record of a schema topic ({error}); {EXPECTED}")
    };
    if line.starts_with(b"{") && !line.contains(&b'\t') {
        return serde_json::from_slice(line).map_err(wrong);
    }
    // A tab within JSON is always escaped.
    let mut columns = line.split(|byte| *byte == b'\t').skip_while(|part| !part.starts_with(b"{"));
    let (Some(key), Some(value), None) = (columns.next(), columns.next(), columns.next()) else {
        return Err(format!("this is no record of a schema topic; {EXPECTED}"));
    };
    let key = serde_json::from_slice(key).map_err(wrong)?;
    Ok(Record { key, value: serde_json::from_slice(value).map_err(wrong)? })
}

/// What the records so far come to.
#[derive(Debug, Default)]
struct Fold {
    contents: Contents,
    /// Where an id of a context was last seen.
    ids: HashMap<(String, i32), Place>,
    /// Records of kinds that mean nothing here.
    unknown: BTreeMap<String, usize>,
}

impl Fold {
    fn take(&mut self, Record { key, value }: Record) -> Result<(), String> {
        let value = value.filter(|value| !value.is_null());
        let name = normalize(key.subject.as_deref().unwrap_or_default());
        let missing = |what: &str| format!("the key of a {} record has no {what}", key.keytype);
        match key.keytype.as_str() {
            "SCHEMA" => {
                let version = key.version.ok_or_else(|| missing("version"))?;
                key.subject.as_ref().ok_or_else(|| missing("subject"))?;
                self.schema((name, version), value)?;
            }
            "CONFIG" => match value {
                Some(Json::Object(mut config)) => {
                    config.remove("subject");
                    self.contents.configs.insert(name, Json::Object(config));
                }
                _ => drop(self.contents.configs.remove(&name)),
            },
            "MODE" => match value.as_ref().and_then(|value| value.get("mode")?.as_str()) {
                Some(mode) => drop(self.contents.modes.insert(name, mode.to_owned())),
                None => drop(self.contents.modes.remove(&name)),
            },
            "DELETE_SUBJECT" => {
                let last = value.as_ref().and_then(|value| value.get("version")?.as_i64());
                let last = last.and_then(|last| i32::try_from(last).ok()).unwrap_or(0).max(0);
                let deleted = self.contents.versions.range_mut((name.clone(), 0)..=(name, last));
                deleted.for_each(|(_, version)| version.deleted = Some(true));
            }
            "CLEAR_SUBJECT" if value.is_some() => self.clear(key.subject.as_ref().map(|_| &*name)),
            "CONTEXT" => {
                let context = key.context.ok_or_else(|| missing("context"))?;
                match value {
                    Some(_) => self.contents.contexts.insert(context),
                    None => self.contents.contexts.remove(&context),
                };
            }
            "NOOP" | "CLEAR_SUBJECT" => {}
            _ => *self.unknown.entry(key.keytype).or_insert(0) += 1,
        }
        Ok(())
    }

    /// Deleted versions of a subject or context go for good; without a name, all of them.
    fn clear(&mut self, name: Option<&str>) {
        let versions = &mut self.contents.versions;
        match name.filter(|name| !name.is_empty() && *name != prefix_of(context_of(name))) {
            Some(subject) => {
                let range = (subject.to_owned(), 0)..=(subject.to_owned(), i32::MAX);
                let deleted = versions.range(range).filter(|(_, version)| version.is_deleted());
                let deleted: Vec<Place> = deleted.map(|(place, _)| place.clone()).collect();
                deleted.iter().for_each(|place| drop(versions.remove(place)));
            }
            None => versions.retain(|(subject, _), version| {
                !version.is_deleted() || !name.is_none_or(|name| is_in(subject, name))
            }),
        }
    }

    fn schema(&mut self, place: Place, value: Option<Json>) -> Result<(), String> {
        let Some(value) = value else {
            self.contents.versions.remove(&place);
            return Ok(());
        };
        let (subject, number) = place.clone();
        let version: Version = serde_json::from_value(value)
            .map_err(|error| format!("the schema of {subject} version {number}: {error}"))?;
        let version = Version { subject, version: number, ..version }.settled();
        let id = (version.context().to_owned(), version.id);
        let holder = self.ids.get(&id).and_then(|holder| self.contents.versions.get(holder));
        if holder.is_some_and(|holder| holder.schema != version.schema) {
            // Confluent's registry passes it over as well.
            self.contents.notes.push(format!(
                "{} version {number} has the id {} of another schema: it does not count",
                version.subject, version.id
            ));
            return Ok(());
        }
        self.ids.insert(id, place.clone());
        self.contents.versions.insert(place, version);
        Ok(())
    }

    fn finish(self) -> Contents {
        let mut contents = self.contents;
        for (kind, count) in self.unknown {
            contents.notes.push(format!("{count} record(s) of the kind {kind} are not imported"));
        }
        let contexts = contents.versions.values().map(|version| version.context().to_owned());
        let contexts: Vec<String> = contexts.collect();
        contents.contexts.extend(contexts);
        contents.contexts.retain(|context| context != DEFAULT_CONTEXT);
        contents
    }
}

/// Whether a subject is in the context that a name names.
fn is_in(subject: &str, name: &str) -> bool {
    name == prefix_of(context_of(subject)) || name == prefix_of(GLOBAL_CONTEXT)
}

/// Writes records: what is referred to first.
pub(super) fn write(out: &mut dyn Write, contents: &Contents) -> Result<(), String> {
    let mut line = |key: Json, value: Json| {
        let record = json!({ "key": key, "value": value });
        writeln!(out, "{record}").map_err(|error| error.to_string())
    };
    for context in &contents.contexts {
        line(
            json!({"keytype": "CONTEXT", "tenant": TENANT, "context": context, "magic": 0}),
            json!({"tenant": TENANT, "context": context}),
        )?;
    }
    for version in contents.levels()?.into_iter().flatten() {
        let (subject, number) = version.place();
        line(
            json!({"keytype": "SCHEMA", "subject": subject, "version": number, "magic": 1}),
            json!(Version { deleted: Some(version.is_deleted()), ..version.clone() }),
        )?;
    }
    let key = |kind: &str, name: &str| {
        // The default context is named by its absence.
        let mut key = json!({"keytype": kind, "magic": 0});
        if !name.is_empty() {
            key["subject"] = name.into();
        }
        key
    };
    for (name, config) in &contents.configs {
        let mut value = config.clone();
        if !name.is_empty() {
            value["subject"] = name.as_str().into();
        }
        line(key("CONFIG", name), value)?;
    }
    for (name, mode) in &contents.modes {
        let mut value = json!({ "mode": mode });
        if !name.is_empty() {
            value["subject"] = name.as_str().into();
        }
        line(key("MODE", name), value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Contents, String> {
        read_lines(&mut text.as_bytes())
    }

    /// As Confluent's registry writes its topic.
    const PRINTED: &str = concat!(
        "{\"keytype\":\"NOOP\",\"magic\":0}\tnull\n",
        "{\"keytype\":\"SCHEMA\",\"subject\":\"a\",\"version\":1,\"magic\":1}\t{\"subject\":\"a\",\"version\":1,\"id\":1,\"md5\":\"x\",\"schema\":\"\\\"int\\\"\",\"deleted\":false}\n",
        "{\"keytype\":\"CONTEXT\",\"tenant\":\"default\",\"context\":\".c\",\"magic\":0}\t{\"tenant\":\"default\",\"context\":\".c\"}\n",
        "{\"keytype\":\"SCHEMA\",\"subject\":\":.c:p\",\"version\":1,\"magic\":1}\t{\"subject\":\":.c:p\",\"version\":1,\"id\":1,\"schemaType\":\"PROTOBUF\",\"references\":[{\"name\":\"q\",\"subject\":\"q\",\"version\":1}],\"schema\":\"\",\"deleted\":false}\n",
        "CreateTime:1700000000000\tPartition:0\t{\"keytype\":\"DELETE_SUBJECT\",\"subject\":\"a\",\"magic\":0}\t{\"subject\":\"a\",\"version\":1}\n",
        "{\"keytype\":\"SCHEMA\",\"subject\":\"a\",\"version\":2,\"magic\":1}\t{\"subject\":\"a\",\"version\":2,\"id\":2,\"schema\":\"\\\"long\\\"\",\"deleted\":false}\n",
        "{\"keytype\":\"SCHEMA\",\"subject\":\"gone\",\"version\":1,\"magic\":1}\t{\"subject\":\"gone\",\"version\":1,\"id\":3,\"schema\":\"\\\"null\\\"\",\"deleted\":true}\n",
        "{\"keytype\":\"SCHEMA\",\"subject\":\"gone\",\"version\":1,\"magic\":1}\tnull\n",
        "{\"keytype\":\"SCHEMA\",\"subject\":\"b\",\"version\":1,\"magic\":1}\t{\"subject\":\"b\",\"version\":1,\"id\":2,\"schema\":\"\\\"bytes\\\"\",\"deleted\":false}\n",
        "{\"keytype\":\"CONFIG\",\"magic\":0}\t{\"compatibilityLevel\":\"FULL\"}\n",
        "{\"keytype\":\"CONFIG\",\"subject\":\"a\",\"magic\":0}\t{\"subject\":\"a\",\"compatibilityLevel\":\"NONE\",\"alias\":\"b\"}\n",
        "{\"keytype\":\"MODE\",\"subject\":\":.c:\",\"magic\":0}\t{\"subject\":\":.c:\",\"mode\":\"READONLY\"}\n",
        "{\"keytype\":\"MODE\",\"subject\":\"a\",\"magic\":0}\t{\"subject\":\"a\",\"mode\":\"READONLY\"}\n",
        "{\"keytype\":\"MODE\",\"subject\":\"a\",\"magic\":0}\tnull\n",
        "{\"keytype\":\"ASSOC\",\"magic\":0}\t{}\n",
    );

    #[test]
    fn what_the_consumer_prints_is_folded() {
        let contents = read_text(PRINTED).unwrap();
        let shown: Vec<_> = contents
            .versions
            .iter()
            .map(|((s, v), version)| (s.as_str(), *v, version.is_deleted()))
            .collect();
        assert_eq!(shown, [(":.c:p", 1, false), ("a", 1, true), ("a", 2, false)]);
        assert_eq!(contents.configs[""], json!({"compatibilityLevel": "FULL"}));
        assert_eq!(contents.configs["a"], json!({"compatibilityLevel": "NONE", "alias": "b"}));
        assert_eq!(contents.modes.len(), 1);
        assert_eq!(contents.modes[":.c:"], "READONLY");
        assert!(contents.contexts.iter().eq([".c"]));
        assert_eq!(contents.notes.len(), 2, "{:?}", contents.notes);
        assert!(contents.notes[0].starts_with("b version 1 has the id 2 of another schema"));
        assert_eq!(contents.notes[1], "1 record(s) of the kind ASSOC are not imported");
    }

    #[test]
    fn deleted_versions_are_cleared() {
        let clear = |subject: &str| {
            let record = format!(
                "{{\"keytype\":\"CLEAR_SUBJECT\"{subject},\"magic\":0}}\t{{\"subject\":null}}\n"
            );
            read_text(&(PRINTED.to_owned() + &record)).unwrap().versions.len()
        };
        assert_eq!(clear(",\"subject\":\":.c:\""), 3);
        assert_eq!(clear(",\"subject\":\"a\""), 2);
        assert_eq!(clear(""), 2);
    }

    #[test]
    fn an_export_is_read_as_it_was_written() {
        let contents = read_text(PRINTED).unwrap();
        let mut out = Vec::new();
        write(&mut out, &contents).unwrap();
        let text = String::from_utf8(out).unwrap();
        let again = read_text(&text).unwrap();
        let mut second = Vec::new();
        write(&mut second, &again).unwrap();
        assert_eq!(String::from_utf8(second).unwrap(), text);
        assert_eq!(text.lines().count(), 1 + 3 + 2 + 1);
        assert_eq!(again.configs, contents.configs);
        assert_eq!(again.modes, contents.modes);
        assert_eq!(again.contexts, contents.contexts);
    }

    #[test]
    fn lines_that_are_none_are_named() {
        let error = |text: &str| read_text(text).unwrap_err();
        assert!(error("\n{}\n").starts_with("line 2: this is no record"));
        assert!(error("null\tnull\n").contains("print.key=true"));
        assert!(
            error("{\"subject\":\"a\",\"id\":1,\"schema\":\"\"}").contains("missing field `key`")
        );
        let key = "{\"keytype\":\"SCHEMA\",\"subject\":\"a\",\"magic\":1}";
        assert!(error(&format!("{key}\tnull")).contains("has no version"));
        let key = "{\"keytype\":\"SCHEMA\",\"subject\":\"a\",\"version\":1,\"magic\":1}";
        assert!(error(&format!("{key}\t{{\"schema\":\"x\"}}")).contains("missing field `id`"));
    }
}
