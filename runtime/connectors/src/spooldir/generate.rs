//! Schemas that are made from the files that are there.

use gantry_api::model::config::ParsedConfig;
use gantry_api::{Error, Result, Schema, SchemaBuilder, Str};

use super::config::{Kind, csv_of, json_of};
use super::fault::Fault;
use super::format::csv::{Row, Rows};
use super::format::json::first_names;
use super::input::{End, Input, Packing, Reading, Stop};
use super::keys;
use super::place::{Entry, Place};
use super::value::Schemas;

/// So many files are looked at.
const FILES: usize = 5;

/// The schemas of the files of a place, all of whose fields are text.
pub(crate) fn generate(
    kind: Kind,
    parsed: &ParsedConfig,
    place: &mut dyn Place,
) -> Result<Schemas> {
    let mut files: Vec<Entry> = Vec::new();
    place
        .list(&mut |entry| {
            if files.len() < FILES {
                files.push(entry);
            }
        })
        .map_err(|error| Error::io("could not look for files to infer a schema from", &error))?;
    let mut found: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for entry in &files {
        let path = place.full_path(entry);
        let names = names(kind, parsed, place, entry).map_err(|fault| {
            Error::connect(format!("Exception thrown while generating schema from {path}: {fault}"))
        })?;
        match found.iter_mut().find(|(known, _)| *known == names) {
            Some((_, paths)) => paths.push(path),
            None => found.push((names, vec![path])),
        }
    }
    match &found[..] {
        [(names, _)] => schemas(parsed, names),
        [] => Err(Error::java(
            "java.lang.IllegalStateException",
            format!(
                "Could not find any input file(s) to infer schema from. Put one into {}, or set {} and {}.",
                keys::INPUT,
                keys::KEY_SCHEMA,
                keys::VALUE_SCHEMA
            ),
        )),
        several => {
            let list = several.iter().map(|(names, paths)| {
                format!("Schema: {}\n  {}\n", names.join(", "), paths.join("\n  "))
            });
            Err(Error::data(format!(
                "More than one schema was found for the input pattern.\n{}",
                list.collect::<String>()
            )))
        }
    }
}

fn names(
    kind: Kind,
    parsed: &ParsedConfig,
    place: &mut dyn Place,
    entry: &Entry,
) -> Result<Vec<String>, Fault> {
    let csv = csv_of(parsed);
    let reading = Reading {
        buffer_bytes: json_of(parsed).buffer_bytes,
        minimum_age_ms: 0,
        stop: Stop::default(),
    };
    let mut file = place.open(entry)?;
    let stat = file.stat()?;
    let input = Input::new(file, stat, Packing::of(entry.extension()), &reading, End::default())?;
    if kind == Kind::Json {
        return first_names(input, json_of(parsed));
    }
    let csv = csv.map_err(|error| Fault::Data { at: super::fault::At::File, error })?;
    let mut rows = Rows::new(input, &csv)?;
    let first = rows.next()?.map(Row::texts).unwrap_or_default();
    if csv.has_header {
        return Ok(first);
    }
    Ok((1..=first.len()).map(|column| format!("column{column:02}")).collect())
}

fn schemas(parsed: &ParsedConfig, names: &[String]) -> Result<Schemas> {
    let schema = |key: &str, names: Vec<&String>| -> Result<Schema> {
        let mut fields: Vec<(Str, Schema)> = Vec::new();
        for name in names {
            if !fields.iter().any(|(known, _)| **known == **name) {
                fields.push((name.as_str().into(), Schema::optional_string()));
            }
        }
        let name = parsed.string(key).map(Str::from);
        SchemaBuilder::structure(fields)?.name(name).build()
    };
    let of_key = parsed.list(keys::GENERATE_KEYS).iter();
    let (known, unknown): (Vec<&String>, Vec<&String>) =
        of_key.filter(|name| !name.is_empty()).partition(|name| names.contains(name));
    for name in unknown {
        tracing::warn!(field = name, "Key field is not in the data.");
    }
    Ok(Schemas {
        key: schema(keys::GENERATE_KEY_NAME, known)?,
        value: schema(keys::GENERATE_VALUE_NAME, names.iter().collect())?,
    })
}
