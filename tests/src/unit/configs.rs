//! Cases of configuration definitions and of providers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gantry_model::config::provider::{self, Providers, substitute};
use gantry_model::config::{
    Bound, ClassLookup, ConfigData, ConfigDef, ConfigKey, Importance, NullableProps, Type,
    Validator, parse_type_with,
};
use gantry_model::plugin::Props;
use gantry_model::{Error, Result};
use serde_json::{Map, Value as Json, json};

use super::decode::broken;
use super::encode::encode_error;
use super::input::Input;

/// Runs a case; `None` if the operation is unknown.
pub(super) fn run(op: &str, case: &Input) -> Option<Result<Json>> {
    Some(match op {
        "configdef_type" => config_type(case),
        "configdef" => definition(case),
        "config_transform" => transform(case),
        _ => return None,
    })
}

fn text<'a>(case: &'a Input, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Input::as_str)
}

fn type_of(case: &Input) -> Result<Type> {
    let all = [
        Type::Boolean,
        Type::String,
        Type::Int,
        Type::Short,
        Type::Long,
        Type::Double,
        Type::List,
        Type::Class,
        Type::Password,
    ];
    let name = text(case, "type").unwrap_or_default();
    all.into_iter().find(|type_| type_.as_str() == name).ok_or_else(|| broken("type", case))
}

/// Classes of the JDK that cases name.
const JDK_CLASSES: [&str; 8] = [
    "java.lang.Boolean",
    "java.lang.Integer",
    "java.lang.Long",
    "java.lang.Object",
    "java.lang.String",
    "java.util.ArrayList",
    "java.util.List",
    "java.util.Map",
];

/// The classes that a case finds: some of the JDK, and Gantry's plugins by their full names.
fn classes() -> ClassLookup {
    Arc::new(|name| {
        let known = JDK_CLASSES.contains(&name)
            || gantry_converters::converters().iter().any(|p| *p.info.class == *name)
            || gantry_transforms::transformations().iter().any(|p| *p.info.class == *name)
            || gantry_transforms::predicates().iter().any(|p| *p.info.class == *name);
        known.then(|| name.to_owned())
    })
}

fn encode(data: &ConfigData) -> Json {
    match data {
        ConfigData::Null => Json::Null,
        ConfigData::Boolean(flag) => json!({"bool": flag}),
        ConfigData::String(text) => json!({"str": text}),
        ConfigData::Int(n) => json!({"i32": n}),
        ConfigData::Short(n) => json!({"i16": n}),
        ConfigData::Long(n) => json!({"i64": n.to_string()}),
        ConfigData::Double(n) => json!({"f64": gantry_model::text::double(*n)}),
        ConfigData::List(list) => {
            json!({"list": list.iter().map(|item| json!({"str": item})).collect::<Vec<_>>()})
        }
        ConfigData::Class(name) => json!({"class": name}),
        ConfigData::Password(text) => json!({"password": text}),
    }
}

fn config_type(case: &Input) -> Result<Json> {
    let name = text(case, "name").unwrap_or_default();
    let data = parse_type_with(name, text(case, "text"), type_of(case)?, Some(&classes()))?;
    Ok(json!({"value": encode(&data)}))
}

fn validator(json: &Input) -> Result<Validator> {
    let all: Vec<String> = json
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap_or_default().to_owned())
        .collect();
    let Some((kind, rest)) = all.split_first() else { return Err(broken("validator", json)) };
    let number =
        |at: usize| rest.get(at).and_then(|text| text.parse::<i64>().ok()).map(Bound::Whole);
    Ok(match kind.as_str() {
        "between" => Validator::Range { min: number(0), max: number(1) },
        "atLeast" => Validator::Range { min: number(0), max: None },
        "in" => Validator::ValidString(rest.to_vec()),
        "inIgnoreCase" => Validator::CaseInsensitiveValidString(rest.to_vec()),
        "validList" => Validator::ValidList(rest.to_vec()),
        "nonEmpty" => Validator::NonEmptyString,
        "nonEmptyNoCtl" => Validator::NonEmptyStringWithoutControlChars,
        "nonNull" => Validator::NonNull,
        _ => return Err(broken("validator", json)),
    })
}

fn key(json: &Input) -> Result<ConfigKey> {
    let name = text(json, "name").unwrap_or_default();
    let type_ = type_of(json)?;
    let mut key = match json.get("default") {
        None => ConfigKey::required(name, type_, Importance::High, ""),
        Some(Input::Null(())) => ConfigKey::nullable(name, type_, Importance::High, ""),
        Some(default) => {
            let default = default.as_str().unwrap_or_default();
            ConfigKey::new(name, type_, default, Importance::High, "")
        }
    };
    if let Some(json) = json.get("validator") {
        key = key.validator(validator(json)?);
    }
    Ok(key)
}

fn definition(case: &Input) -> Result<Json> {
    let mut def = ConfigDef::new().with_classes(classes());
    for json in case.get("def").and_then(Input::as_array).into_iter().flatten() {
        def = def.define(key(json)?);
    }
    if let Some(fault) = def.fault() {
        return Err(fault.clone());
    }
    let props: NullableProps = strings(case, "props");
    let mut values = def.validate_nullable(&props);
    values.sort_by(|a, b| a.name.cmp(&b.name));
    let values: Vec<Json> = values
        .iter()
        .map(|v| json!({"name": v.name, "value": encode(&v.data), "errors": v.errors}))
        .collect();
    let mut out = json!({ "validate": values });
    match def.parse_nullable(&props) {
        Ok(parsed) => {
            let all: Map<String, Json> =
                def.keys().map(|key| (key.name.clone(), encode(parsed.get(&key.name)))).collect();
            out["parse"] = all.into();
        }
        Err(error) => out["parse_error"] = encode_error(&error),
    }
    Ok(out)
}

fn strings(case: &Input, key: &str) -> NullableProps {
    let object = case.get(key).and_then(Input::as_object);
    object
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().map(str::to_owned)))
        .collect()
}

/// What stands for the folder of the case's files.
const FOLDER: &str = "@DIR@";

fn transform(case: &Input) -> Result<Json> {
    let failed = |error: std::io::Error| Error::io("the case's files", &error);
    let folder = tempfile::tempdir().map_err(failed)?;
    let path = folder.path().to_string_lossy().into_owned();
    for (name, content) in strings(case, "files") {
        write(&folder.path().join(name), &content.unwrap_or_default()).map_err(failed)?;
    }
    let shown = |text: &str| text.replace(&path, FOLDER);
    let out = transformed(case, &path);
    Ok(match out {
        Ok(props) => {
            let data: Map<String, Json> =
                props.into_iter().map(|(key, value)| (key, shown(&value).into())).collect();
            json!({ "data": data })
        }
        Err(error) => {
            json!({"error": {"class": error.kind().java_class(), "message": shown(error.message())}})
        }
    })
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content)
}

fn transformed(case: &Input, folder: &str) -> Result<Props> {
    let filled = |json: &Input, key: &str| -> BTreeMap<String, String> {
        strings(json, key)
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?.replace(FOLDER, folder))))
            .collect()
    };
    let mut providers = Providers::new();
    for (name, json) in case.get("providers").and_then(Input::as_object).into_iter().flatten() {
        let class = match text(json, "type").unwrap_or_default() {
            "file" => provider::FILE_CLASS,
            "directory" => provider::DIRECTORY_CLASS,
            _ => provider::ENV_CLASS,
        };
        let made = provider::create(class, &filled(json, "config"), &filled(case, "env"))?;
        providers.insert(name.clone(), made);
    }
    substitute(&filled(case, "props"), &providers)
}
