//! The keys of Redis' own sink.

use std::sync::Arc;

use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::{ConfigDef, Importance, Props, Result, Type, Validator};

use super::super::charset::Charset;
use super::super::client::Mode;
use super::super::keys::{self, Wrong};
use super::config::{Config, EXACTLY_ONCE, Shape, Structure, own};
use crate::keys::{Keys, invalid};

const CHARSET: &str = "redis.charset";
const TYPE: &str = "redis.type";
const KEYSPACE: &str = "redis.keyspace";
const SEPARATOR: &str = "redis.separator";
const MULTIEXEC: &str = "redis.multiexec";
const REPLICAS: &str = "redis.wait.replicas";
const REPLICAS_TIMEOUT: &str = "redis.wait.timeout";
const TTL: &str = "redis.key.ttl";
/// Of versions before 0.9.
const COMMAND: &str = "redis.command";

const TYPES: [(&str, Structure); 8] = [
    ("HASH", Structure::Hash),
    ("JSON", Structure::Json),
    ("TIMESERIES", Structure::TimeSeries),
    ("STRING", Structure::String),
    ("STREAM", Structure::Stream),
    ("LIST", Structure::List),
    ("SET", Structure::Set),
    ("ZSET", Structure::SortedSet),
];

/// All keys.
pub(in super::super) fn definition() -> ConfigDef {
    use Importance::{High, Medium};
    let text = Type::String;
    let mut keys = Keys::new("Redis");
    keys::redis(&mut keys);
    keys.group("Sink");
    let rule = Validator::custom(|name, value| {
        let ConfigData::String(text) = value else { return Ok(()) };
        Charset::parse(text.trim()).map(|_| ()).map_err(|what| invalid(name, value, &what))
    });
    let doc = "The character set of keys and values that are strings.";
    keys.add_valid(CHARSET, text, "UTF-8", High, doc, rule);
    let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    let doc = "What records become: HASH, JSON, TIMESERIES, STRING, STREAM, LIST, SET or ZSET.";
    keys.add_valid(TYPE, text, "STREAM", High, doc, Validator::one_of(&names));
    let doc = "What the keys in Redis begin with, or are for STREAM, LIST, SET, ZSET and TIMESERIES; ${topic} is the record's topic. Empty: the key is the record's.";
    keys.add(KEYSPACE, text, "${topic}", Medium, doc);
    let doc = "What stands between redis.keyspace and the record's key.";
    keys.add(SEPARATOR, text, ":", Medium, doc);
    let doc = "Whether a batch is written in one transaction, of STREAM, LIST, SET and ZSET.";
    keys.add(MULTIEXEC, Type::Boolean, false, Medium, doc);
    let doc = "How many replicas are to have a batch before it counts as written.";
    keys.add_valid(REPLICAS, Type::Int, 0, Medium, doc, Validator::at_least(0));
    let doc = "How many milliseconds it is waited for redis.wait.replicas, after which the batch is tried again.";
    keys.add_valid(REPLICAS_TIMEOUT, Type::Long, 1000_i64, Medium, doc, Validator::at_least(0));
    let doc = "After how many seconds a key is deleted unless it is written again; a record's header redis.key.ttl goes before it. Not above 0: never.";
    keys.add(TTL, Type::Long, -1_i64, Medium, doc);
    own(&mut keys);
    keys.done()
}

pub(super) fn read(props: &Props) -> Result<Result<Config, Wrong>> {
    let config = definition().parse(props)?;
    if let Some(command) = props.get(COMMAND)
        && !props.contains_key(TYPE)
    {
        let text = format!(
            "Invalid value null for configuration {TYPE}: {COMMAND}={command} is of versions before 0.9; write {TYPE}={} in its place",
            of_command(command)
        );
        return Ok(Err(Wrong { key: TYPE, text }));
    }
    Ok(of(&config))
}

fn of_command(command: &str) -> &'static str {
    match command.to_ascii_uppercase().as_str() {
        "HSET" | "HMSET" => "HASH",
        "JSONSET" => "JSON",
        "TSADD" => "TIMESERIES",
        "SET" => "STRING",
        "LPUSH" | "RPUSH" => "LIST",
        "SADD" => "SET",
        "ZADD" => "ZSET",
        _ => "STREAM",
    }
}

fn of(config: &ParsedConfig) -> Result<Config, Wrong> {
    let text = |name: &str| config.string(name).unwrap_or_default().trim().to_owned();
    let charset =
        Charset::parse(&text(CHARSET)).map_err(|what| Wrong::of(config, CHARSET, &what))?;
    let name = text(TYPE);
    let to = TYPES.iter().find(|(known, _)| *known == name).map(|(_, to)| *to);
    let to = to.ok_or_else(|| Wrong::of(config, TYPE, "there is no such structure"))?;
    let is_atomic = config.boolean(MULTIEXEC);
    if is_atomic && (!to.is_collection() || to == Structure::TimeSeries) {
        let what =
            "multi/exec is only supported with these data structures: STREAM, LIST, SET, ZSET";
        return Err(Wrong::of(config, MULTIEXEC, what));
    }
    if to.is_collection() && text(KEYSPACE).is_empty() {
        return Err(Wrong::of(
            config,
            KEYSPACE,
            &format!("it is the key of {name}, which must not be empty"),
        ));
    }
    let replicas = config.long(REPLICAS).filter(|count| *count > 0);
    let replicas = replicas.map(|count| (count, config.long(REPLICAS_TIMEOUT).unwrap_or(1000)));
    let place = Arc::new(keys::redis_place(config)?);
    if place.mode == Mode::Cluster {
        let what = "with redis.cluster=true it cannot be: a cluster has neither transactions across its parts nor one count of replicas; remove it";
        if is_atomic {
            return Err(Wrong::of(config, MULTIEXEC, what));
        }
        if replicas.is_some() {
            return Err(Wrong::of(config, REPLICAS, what));
        }
    }
    let made = Config {
        place,
        charset,
        shape: Shape::Typed {
            to,
            keyspace: text(KEYSPACE),
            separator: text(SEPARATOR),
            ttl_s: config.long(TTL).unwrap_or(-1),
        },
        offsets: Some("com.redis.kafka.connect.sink.offset."),
        is_exact: config.boolean(EXACTLY_ONCE),
        is_atomic,
        replicas,
        attempts: None,
    };
    made.check_cluster()?;
    Ok(made)
}
