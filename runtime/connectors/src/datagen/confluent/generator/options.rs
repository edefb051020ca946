//! `options`: the values that there are.

use std::path::Path;

use gantry_api::model::files::{read_bounded, read_text_bounded};
use gantry_api::{Schema, Value};
use serde_json::{Map, Value as Json};

use super::arguments::OPTIONS;
use super::binary;
use crate::datagen::confluent::avro::Avro;
use crate::datagen::confluent::literal::{Rules, class, read};

type Result<T> = std::result::Result<T, String>;

/// All of a file is kept in memory.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// All options, as values of the Connect schema that was made of that type.
pub(super) fn all(avro: &Avro, schema: &Schema, options: &Json) -> Result<Vec<Value>> {
    let all: Vec<Value> = match options {
        Json::Array(list) => {
            let list = list.iter().map(|option| read(Rules::Options, avro, schema, option));
            list.collect::<Result<_>>()?
        }
        Json::Object(file) => of_file(avro, schema, file)?,
        other => {
            return Err(format!(
                "{OPTIONS} prop must be an array or an object, was {} instead",
                class(other)
            ));
        }
    };
    if all.is_empty() {
        return Err(format!("{OPTIONS} property cannot be empty"));
    }
    Ok(all)
}

fn of_file(avro: &Avro, schema: &Schema, file: &Map<String, Json>) -> Result<Vec<Value>> {
    let Some(path) = file.get("file") else {
        return Err(format!("{OPTIONS} property must contain 'file' field when given as object"));
    };
    let Some(path) = path.as_str() else {
        return Err(format!("'file' field of {OPTIONS} must be a string, was {}", class(path)));
    };
    let is_binary = match file.get("encoding") {
        None => {
            return Err(format!(
                "{OPTIONS} property must contain 'encoding' field when given as object"
            ));
        }
        Some(Json::String(encoding)) if encoding.eq_ignore_ascii_case("json") => false,
        Some(Json::String(encoding)) if encoding.eq_ignore_ascii_case("binary") => true,
        Some(_) => {
            return Err(format!(
                "'encoding' field of {OPTIONS} property only supports two formats: 'binary' and \
                 'json'"
            ));
        }
    };
    let file = Path::new(path);
    if !file.is_file() {
        return Err(format!("Unable to locate options file '{path}'"));
    }
    let all = if is_binary {
        read_bounded(file, FILE_MAX).and_then(|bytes| binary::all(avro, schema, &bytes))
    } else {
        read_text_bounded(file, FILE_MAX).and_then(|text| of_text(avro, schema, &text))
    };
    all.map_err(|reason| format!("Unable to read options file '{path}': {reason}"))
}

fn of_text(avro: &Avro, schema: &Schema, text: &str) -> Result<Vec<Value>> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let values = values
        .map(|json| read(Rules::File, avro, schema, &json.map_err(|error| error.to_string())?));
    values.collect()
}
