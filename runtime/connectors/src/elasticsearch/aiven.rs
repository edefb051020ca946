//! The keys of Aiven's connector for Elasticsearch.

use std::collections::HashMap;

use gantry_api::model::config::ParsedConfig;
use gantry_api::{ConfigDef, Importance, Type};

use super::config::{
    Config, Connection, Documents, Errors, Id, Naming, OnConflict, Routing, Targets, Timestamp,
    Write,
};
use super::keys::{self as common, ON_MALFORMED, ON_NULL, words};
use crate::keys::Keys;
use crate::web::keys::Fault;

const TYPE_NAME: &str = "type.name";
const INDEX_MAP: &str = "topic.index.map";
const MUST_BE: &str = "String must be one of: ";
/// How long an idle connection is kept.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);

pub(super) fn definition() -> ConfigDef {
    let mut keys = Keys::new("Connector");
    common::connection_keys(&mut keys);
    common::user_keys(&mut keys);
    common::bulk_keys(&mut keys, 10_000, false);
    keys.group("Data Conversion");
    use Importance::{High, Low};
    let text = "The mapping type. It has no effect: servers since Elasticsearch 8 and OpenSearch 2 have none.";
    keys.required(TYPE_NAME, Type::String, High, text);
    common::conversion_keys(&mut keys);
    let text = "topic:index for topics whose index is not called as they are.";
    keys.add(INDEX_MAP, Type::List, "", Low, text);
    let text = "What becomes of records without a value: ignore, delete (the document of the key) or fail.";
    let rule = words(&["ignore", "delete", "fail"], MUST_BE);
    keys.add_valid(ON_NULL, Type::String, "ignore", Low, text, rule);
    let text = "What becomes of records whose documents the server refuses: ignore, warn or fail.";
    let rule = words(&["ignore", "warn", "fail"], MUST_BE);
    keys.add_valid(ON_MALFORMED, Type::String, "fail", Low, text, rule);
    common::own_keys(&mut keys);
    keys.done()
}

fn index_map(parsed: &ParsedConfig) -> Result<HashMap<String, String>, Fault> {
    let read = |item: &String| {
        let (topic, index) = common::pair(item).ok_or_else(|| {
            let text = format!(
                "Invalid value {item} for configuration {INDEX_MAP}: the form is topic:index"
            );
            Fault::plain(INDEX_MAP, text)
        })?;
        Ok((topic.to_owned(), index.to_owned()))
    };
    parsed.list(INDEX_MAP).iter().map(read).collect()
}

/// Faults across keys.
pub(super) fn check(parsed: &ParsedConfig, faults: &mut Vec<Fault>) {
    faults.extend(index_map(parsed).err());
}

/// Reads the keys.
pub(super) fn read(parsed: &ParsedConfig) -> Result<Config, Fault> {
    let (tls, proof) = common::plain_tls();
    Ok(Config {
        connection: Connection {
            urls: common::urls(parsed),
            authorization: common::authorization(parsed),
            proxy: None,
            tls,
            proof,
            connect_timeout: common::connect_timeout(parsed),
            read_timeout: common::read_timeout(parsed),
            idle: IDLE,
            compresses: false,
        },
        bulk: common::bulk(parsed, None, false),
        retry: common::retry(parsed, 0),
        targets: Targets {
            naming: Naming::Lower,
            given: index_map(parsed)?,
            only_given: false,
            is_stream: false,
            template: None,
            time_field: super::document::TIMESTAMP.to_owned(),
            maps_at_creation: false,
        },
        documents: Documents {
            write: Write::Insert,
            ignores_keys: parsed.boolean(common::KEY_IGNORE),
            keyless: parsed.list(common::KEY_IGNORE_TOPICS).iter().cloned().collect(),
            without_key: Id::Place,
            ignores_schemas: parsed.boolean(common::SCHEMA_IGNORE),
            schemaless: parsed.list(common::SCHEMA_IGNORE_TOPICS).iter().cloned().collect(),
            compact: parsed.boolean(common::COMPACT),
            timestamp: Timestamp::Document,
            routing: Routing::Id,
            version_header: None,
            retry_on_conflict: 0,
        },
        errors: Errors {
            on_null: common::on_null(parsed),
            on_malformed: common::on_malformed(parsed),
            on_conflict: OnConflict::Ignore,
            on_inner_conflict: OnConflict::Ignore,
            drops_invalid: parsed.boolean(common::DROP_INVALID),
            reports: false,
        },
    })
}
