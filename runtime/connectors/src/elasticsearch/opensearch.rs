//! The keys of Aiven's connector for OpenSearch.

use std::collections::HashMap;

use gantry_api::model::config::ParsedConfig;
use gantry_api::{ConfigDef, Importance, Props, Type, Validator};
use gantry_tls::ServerProof;

use super::config::{
    Config, Connection, Documents, Errors, Id, Naming, OnConflict, Routing, Targets, Timestamp,
};
use super::document::TIMESTAMP;
use super::keys::{self as common, ON_MALFORMED, ON_NULL, words};
use crate::keys::Keys;
use crate::web::keys::{Fault, given};

const WRITE: &str = "index.write.method";
const ID: &str = "key.ignore.id.strategy";
const ON_CONFLICT: &str = "behavior.on.version.conflict";
const ROUTING: &str = "routing.type";
const ROUTING_PATH: &str = "routing.type.record.value.path";
const STREAM: &str = "data.stream.enabled";
const STREAM_PREFIX: &str = "data.stream.prefix";
const STREAM_TIMESTAMP: &str = "data.stream.timestamp.field";
const STREAM_TEMPLATE: &str = "data.streams.existing.index.template.name";
const RESOURCE: &str = "existing.resource.type";
const RESOURCES: &str = "topic.to.existing.resource.mapping";
const SSL: &str = "connection.";
const TRUST_ALL: &str = "connection.trust.all.certificates";
const MUST_BE: &str = "String must be one of: ";
/// No more topics are mapped to resources.
const RESOURCES_MAX: usize = 10;
/// How long an idle connection is kept.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);
/// Keys of requests that Amazon's services have signed.
const AWS: [&str; 7] = [
    "aws.access_key_id",
    "aws.secret_access_key",
    "aws.sts.role.arn",
    "aws.sts.role.session.name",
    "aws.sts.role.external.id",
    "aws.region",
    "aws.service.signing.name",
];
const AWS_DURATION: &str = "aws.sts.role.session.duration";

pub(super) fn definition() -> ConfigDef {
    let mut keys = Keys::new("Connector");
    common::connection_keys(&mut keys);
    common::bulk_keys(&mut keys, 10_000, false);
    keys.group("TLS Configuration for HTTPS");
    common::ssl_keys(&mut keys, SSL, false);
    let text = "Whether the server's certificate is not looked at at all.";
    keys.add(TRUST_ALL, Type::Boolean, false, Importance::Low, text);
    keys.group("Basic Authentication");
    common::user_keys(&mut keys);
    aws_keys(&mut keys);
    conversion_keys(&mut keys);
    stream_keys(&mut keys);
    common::own_keys(&mut keys);
    keys.done()
}

fn aws_keys(keys: &mut Keys) {
    use Importance::Medium;
    keys.group("AWS");
    let text = "Requests are not signed for Amazon's services: refused if it is set.";
    for key in AWS {
        let of = if key.contains("secret") { Type::Password } else { Type::String };
        keys.null(key, of, Medium, text);
    }
    let range = Validator::between(900, 43_200);
    keys.add_valid(AWS_DURATION, Type::Int, 3600, Medium, "It has no effect.", range);
}

fn conversion_keys(keys: &mut Keys) {
    use Importance::Low;
    keys.group("Data Conversion");
    let text = "insert: the document stands in place of the one that is there. upsert: its fields are put into the \
                one that is there.";
    let rule = words(&["insert", "upsert"], "Index write method must be one of: ");
    keys.add_valid(WRITE, Type::String, "insert", Low, text, rule);
    common::conversion_keys(keys);
    let text = "The id of documents whose key is ignored: topic.partition.offset, record.key, or none (the server \
                makes one; what is sent again after a failure then becomes another document).";
    let rule = words(&["none", "record.key", "topic.partition.offset"], MUST_BE);
    keys.add_valid(ID, Type::String, "topic.partition.offset", Low, text, rule);
    let text = "What becomes of records without a value: ignore, delete (the document of the key) or fail.";
    let rule = words(&["ignore", "delete", "fail"], MUST_BE);
    keys.add_valid(ON_NULL, Type::String, "ignore", Low, text, rule);
    let reactions = || words(&["ignore", "warn", "fail", "report"], MUST_BE);
    let text = "What becomes of records whose documents the server refuses: ignore, warn, report (to the dead letter \
                queue) or fail.";
    keys.add_valid(ON_MALFORMED, Type::String, "fail", Low, text, reactions());
    let text = "What becomes of records of which the server has a version that is not older: ignore, warn, report \
                (to the dead letter queue) or fail. Not set: records whose version is their offset are left out, as \
                after a crash records come again; others fail the task.";
    keys.add_valid(ON_CONFLICT, Type::String, "fail", Low, text, reactions());
    let text = "By what the server chooses a document's shard: none (the id), key or value.";
    let rule = words(&["none", "key", "value"], MUST_BE);
    keys.add_valid(ROUTING, Type::String, "none", Low, text, rule);
    let text = "The JSON pointer to the field that says it, with routing.type=value.";
    let rule = crate::web::keys::text_rule(|text| match text.is_empty() || text.starts_with('/') {
        true => Ok(()),
        false => Err("it is no JSON pointer, which begins with /".to_owned()),
    });
    keys.null_valid(ROUTING_PATH, Type::String, Low, text, rule);
}

fn stream_keys(keys: &mut Keys) {
    use Importance::{Low, Medium};
    keys.group("Data Stream");
    let text = "Whether data streams are written to instead of indices.";
    keys.add(STREAM, Type::Boolean, false, Medium, text);
    let text = "What stands in front of the topic in a data stream's name, with a hyphen.";
    keys.null_valid(STREAM_PREFIX, Type::String, Medium, text, Validator::NonEmptyString);
    let text = "The field of a data stream's time. @timestamp gets the record's time if the record has not got it.";
    let rule = Validator::NonEmptyString;
    keys.add_valid(STREAM_TIMESTAMP, Type::String, TIMESTAMP, Medium, text, rule);
    let text = "The index template of data streams, which is made if it is not there; one for each data stream if \
                not set.";
    keys.null(STREAM_TEMPLATE, Type::String, Medium, text);
    keys.group("Topic to Existing Resource Mappings");
    let text =
        "What topic.to.existing.resource.mapping names: none, index, index_alias or data_stream.";
    let rule = words(&["index", "data_stream", "index_alias", "none"], MUST_BE);
    keys.add_valid(RESOURCE, Type::String, "none", Low, text, rule);
    let text = "topic:resource for each topic; the resources must be there.";
    keys.null(RESOURCES, Type::List, Low, text);
}

fn word(parsed: &ParsedConfig, key: &str) -> String {
    parsed.string(key).unwrap_or_default().to_ascii_lowercase()
}

fn uses_given(parsed: &ParsedConfig) -> bool {
    word(parsed, RESOURCE) != "none"
}

fn is_stream(parsed: &ParsedConfig) -> bool {
    match uses_given(parsed) {
        true => word(parsed, RESOURCE) == "data_stream",
        false => parsed.boolean(STREAM),
    }
}

fn resources(parsed: &ParsedConfig) -> Result<HashMap<String, String>, Fault> {
    let fault = |item: &str, what: &str| {
        let text = format!("Invalid value {item} for configuration {RESOURCES}: {what}");
        Fault::plain(RESOURCES, text)
    };
    let list = parsed.list(RESOURCES);
    if list.len() > RESOURCES_MAX {
        let what = "Too many topic-to-resource mappings, the maximum allowed is 10";
        return Err(Fault::of(parsed, RESOURCES, what));
    }
    let mut found: HashMap<String, String> = HashMap::new();
    for item in list {
        let (topic, resource) = common::pair(item).ok_or_else(|| {
            let what = "Wrong topic-to-resource mapping format, expected format is: \
                        topic_name:resource_name";
            fault(item, what)
        })?;
        if found.contains_key(topic) {
            let what = format!(
                "Topic `{topic}` is mapped to multiple resources. Each topic should be mapped to \
                 exactly one resource"
            );
            return Err(fault(item, &what));
        }
        if found.values().any(|other| other == resource) {
            let what = format!(
                "Resource `{resource}` is mapped from multiple topics. Each resource should be \
                 mapped to exactly one topic"
            );
            return Err(fault(item, &what));
        }
        found.insert(topic.to_owned(), resource.to_owned());
    }
    Ok(found)
}

/// Faults across keys.
pub(super) fn check(parsed: &ParsedConfig, props: &Props, faults: &mut Vec<Fault>) {
    if uses_given(parsed) {
        if parsed.boolean(STREAM) && word(parsed, RESOURCE) == "data_stream" {
            let what = "Existing datastream mappings and datastream configurations are mutually \
                        exclusive. Please configure only one of these options";
            faults.push(Fault::plain(RESOURCE, what));
        }
        if parsed.list(RESOURCES).is_empty() {
            faults.push(Fault::of(parsed, RESOURCES, "it must name a resource for each topic"));
        }
        faults.extend(resources(parsed).err());
    }
    let upserts = word(parsed, WRITE) == "upsert";
    if is_stream(parsed) && upserts {
        let what = "Data streams do not support upsert index write method";
        faults.push(Fault::plain(WRITE, what));
    }
    let id = word(parsed, ID);
    if upserts && parsed.boolean(common::KEY_IGNORE) && id != "record.key" {
        let what = format!("{id} is not supported for index upsert. Supported is: record.key");
        faults.push(Fault::of(parsed, ID, &what));
    }
    if word(parsed, ROUTING) == "value" {
        if parsed.string(ROUTING_PATH).is_none() {
            let what = format!(
                "The '{ROUTING_PATH}' setting must be configured when using the 'value' routing \
                 type"
            );
            faults.push(Fault::plain(ROUTING_PATH, what));
        } else if word(parsed, ON_NULL) == "delete" {
            let what = format!(
                "The '{ROUTING_PATH}' can't be used together with '{ON_NULL}' set to 'delete'"
            );
            faults.push(Fault::plain(ROUTING_PATH, what));
        }
    }
    for key in AWS.iter().chain([&AWS_DURATION]).filter(|key| props.contains_key(**key)) {
        let text = format!(
            "{key} is not supported: requests are not signed for Amazon's services; use \
             connection.username and connection.password (fine-grained access control), or run \
             the Java connector"
        );
        faults.push(Fault::plain(key, text));
    }
}

/// Reads the keys.
pub(super) fn read(parsed: &ParsedConfig, props: &Props) -> Result<Config, Fault> {
    let (tls, mut proof) = common::tls(parsed, SSL);
    if parsed.boolean(TRUST_ALL) && tls.trust_store.location.is_none() {
        proof = ServerProof::None;
    }
    let keeps_own = OnConflict::Ignore;
    let on_conflict = common::on_conflict(parsed, ON_CONFLICT);
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
        targets: targets(parsed)?,
        documents: documents(parsed),
        errors: Errors {
            on_null: common::on_null(parsed),
            on_malformed: common::on_malformed(parsed),
            on_conflict: if props.contains_key(ON_CONFLICT) { on_conflict } else { keeps_own },
            on_inner_conflict: on_conflict,
            drops_invalid: parsed.boolean(common::DROP_INVALID),
            reports: false,
        },
    })
}

fn targets(parsed: &ParsedConfig) -> Result<Targets, Fault> {
    let only_given = uses_given(parsed);
    Ok(Targets {
        naming: Naming::Aivens(match is_stream(parsed) {
            true => given(parsed, STREAM_PREFIX).map(str::to_owned),
            false => None,
        }),
        given: if only_given { resources(parsed)? } else { HashMap::new() },
        only_given,
        is_stream: is_stream(parsed),
        template: given(parsed, STREAM_TEMPLATE).map(str::to_owned),
        time_field: parsed.string(STREAM_TIMESTAMP).unwrap_or(TIMESTAMP).to_owned(),
        maps_at_creation: true,
    })
}

fn documents(parsed: &ParsedConfig) -> Documents {
    let has_time = is_stream(parsed) && parsed.string(STREAM_TIMESTAMP) == Some(TIMESTAMP);
    Documents {
        write: common::write(parsed, WRITE),
        ignores_keys: parsed.boolean(common::KEY_IGNORE),
        keyless: parsed.list(common::KEY_IGNORE_TOPICS).iter().cloned().collect(),
        without_key: match word(parsed, ID).as_str() {
            "none" => Id::Generated,
            "record.key" => Id::Key,
            _ => Id::Place,
        },
        ignores_schemas: parsed.boolean(common::SCHEMA_IGNORE),
        schemaless: parsed.list(common::SCHEMA_IGNORE_TOPICS).iter().cloned().collect(),
        compact: parsed.boolean(common::COMPACT),
        timestamp: if has_time { Timestamp::RecordIfMissing } else { Timestamp::Document },
        routing: match word(parsed, ROUTING).as_str() {
            "key" => Routing::Key,
            "value" => Routing::Value(parsed.string(ROUTING_PATH).unwrap_or_default().to_owned()),
            _ => Routing::Id,
        },
        version_header: None,
        retry_on_conflict: common::in_flight(parsed).min(3),
    }
}
