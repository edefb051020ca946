//! Records become commands.

use std::borrow::Cow;

use gantry_api::model::text::{double, java_string};
use gantry_api::{Converter, Datum, Error, Props, Result, SinkRecord, Struct, Value};
use gantry_converters::JsonConverter;
use redis::Cmd;

use super::super::charset::Charset;
use super::config::{Config, Shape, Structure};

const TTL_HEADER: &str = "redis.key.ttl";
const SCHEMAS: &str = "io.github.jaredpetersen.kafkaconnectredis.";

/// Makes commands of records.
pub(super) struct Planner {
    shape: Shape,
    charset: Charset,
    json: JsonConverter,
}

impl Planner {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let props: Props = [("schemas.enable", "false"), ("converter.type", "value")]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Ok(Self {
            shape: config.shape.clone(),
            charset: config.charset,
            json: JsonConverter::new(&props)?,
        })
    }

    /// Adds a record's commands, if it has any. The error is of the record.
    pub(super) fn plan(&mut self, record: &SinkRecord, out: &mut Vec<Cmd>) -> Result<()> {
        match &self.shape {
            Shape::Plain => out.push(self.plain(record)?),
            Shape::Typed { to, .. } => self.typed(*to, record, out)?,
            Shape::Command => out.push(of_command(record)?),
        }
        Ok(())
    }

    fn plain(&self, record: &SinkRecord) -> Result<Cmd> {
        let (key, value) = (&record.record.key.value, &record.record.value.value);
        if key.is_null() {
            return Err(Error::data("The key of the record is null; Redis needs one"));
        }
        let key = self.bytes("key", key)?;
        if key.is_empty() {
            return Err(Error::data("The key of the record is empty; Redis needs one"));
        }
        if value.is_null() {
            return Ok(with("DEL", &key));
        }
        let mut set = with("SET", &key);
        set.arg(&*self.bytes("value", value)?);
        Ok(set)
    }

    fn bytes<'a>(&self, what: &str, value: &'a Value) -> Result<Cow<'a, [u8]>> {
        match value {
            Value::String(text) => Ok(self.charset.encode(text)),
            Value::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            other => Err(Error::data(format!(
                "The {what} of the record must be a string or bytes, and is {}; use StringConverter or \
                 ByteArrayConverter for it, or a transformation that makes it one",
                other.java_class().unwrap_or("null")
            ))),
        }
    }

    /// A value as Java's `toString` shows it; bytes as they are.
    fn shown<'a>(&self, value: &'a Value) -> Cow<'a, [u8]> {
        match value {
            Value::String(text) => self.charset.encode(text),
            Value::Bytes(bytes) => Cow::Borrowed(bytes),
            other => Cow::Owned(self.charset.encode(&java_string(other)).into_owned()),
        }
    }

    fn typed(&mut self, to: Structure, record: &SinkRecord, out: &mut Vec<Cmd>) -> Result<()> {
        let key = self.key(to, record)?;
        if record.record.value.value.is_null() {
            if !to.is_collection() {
                out.push(with("DEL", &key));
            }
            return Ok(());
        }
        let ttl_s = self.ttl_s(record);
        let cmd = match to {
            Structure::String => {
                let mut set = with("SET", &key);
                set.arg(&*self.bytes("value", &record.record.value.value)?);
                if let Some(ttl_s) = ttl_s {
                    set.arg("EX").arg(ttl_s);
                }
                out.push(set);
                return Ok(());
            }
            Structure::Hash => self.entries(with("HSET", &key), record)?,
            Structure::Stream => {
                let mut add = with("XADD", &key);
                add.arg("*");
                self.entries(add, record)?
            }
            Structure::Json => {
                let json = self.json(record)?;
                let mut set = with("JSON.SET", &key);
                set.arg("$").arg(&*json);
                set
            }
            Structure::List => self.member(with("RPUSH", &key), record)?,
            Structure::Set => self.member(with("SADD", &key), record)?,
            Structure::SortedSet => {
                let mut add = with("ZADD", &key);
                add.arg(number("value", &record.record.value.value)?);
                self.member(add, record)?
            }
            Structure::TimeSeries => {
                let mut add = with("TS.ADD", &key);
                add.arg(time(&record.record.key.value)?);
                add.arg(number("value", &record.record.value.value)?);
                add
            }
        };
        out.push(cmd);
        if let Some(ttl_s) = ttl_s {
            let mut expire = with("EXPIRE", &key);
            expire.arg(ttl_s);
            out.push(expire);
        }
        Ok(())
    }

    /// The key in Redis.
    fn key(&self, to: Structure, record: &SinkRecord) -> Result<Vec<u8>> {
        let Shape::Typed { keyspace, separator, .. } = &self.shape else { return Ok(Vec::new()) };
        let key = &record.record.key.value;
        if keyspace.is_empty() {
            let key = self.bytes("key", key)?;
            return match key.is_empty() {
                true => Err(Error::data("The key of the record is empty; Redis needs one")),
                false => Ok(key.into_owned()),
            };
        }
        let space = keyspace.replace("${topic}", &record.record.topic);
        if to.is_collection() {
            return Ok(self.charset.encode(&space).into_owned());
        }
        let mut whole = self.charset.encode(&(space + separator)).into_owned();
        whole.extend_from_slice(&self.shown(key));
        Ok(whole)
    }

    fn ttl_s(&self, record: &SinkRecord) -> Option<i64> {
        let Shape::Typed { ttl_s, .. } = &self.shape else { return None };
        let named = record.record.headers.iter().find(|header| &*header.key == TTL_HEADER);
        let of_header = named.and_then(|header| {
            let text = match &header.datum.value {
                Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                other => java_string(other),
            };
            let parsed = text.trim().parse::<i64>();
            if parsed.is_err() {
                tracing::warn!(record = %format_args!("{}@{}", record.origin, record.offset), "header {TTL_HEADER}={text} is no number of seconds, and ignored");
            }
            parsed.ok().filter(|ttl_s| *ttl_s > 0)
        });
        of_header.or_else(|| (*ttl_s > 0).then_some(*ttl_s))
    }

    /// Adds the fields of a struct or of a map.
    fn entries(&self, mut cmd: Cmd, record: &SinkRecord) -> Result<Cmd> {
        let empty =
            || Error::data("The value of the record has no fields; Redis needs one at least");
        match &record.record.value.value {
            Value::Struct(inner) => {
                let fields = inner.schema().fields().filter(|fields| !fields.is_empty());
                for field in fields.ok_or_else(empty)?.list() {
                    cmd.arg(&*self.charset.encode(&field.name));
                    match inner.get_at(field) {
                        // What lettuce makes of null.
                        Value::Null => cmd.arg(""),
                        value => cmd.arg(&*self.shown(value)),
                    };
                }
                Ok(cmd)
            }
            Value::Map(map) if map.is_empty() => Err(empty()),
            Value::Map(map) => {
                for (key, value) in map.ordered() {
                    cmd.arg(&*self.shown(key)).arg(&*self.shown(value));
                }
                Ok(cmd)
            }
            other => Err(Error::data(format!(
                "The value of the record must be a struct or a map, and is {}; use AvroConverter or JsonConverter for it",
                other.java_class().unwrap_or("null")
            ))),
        }
    }

    fn member(&self, mut cmd: Cmd, record: &SinkRecord) -> Result<Cmd> {
        cmd.arg(&*self.bytes("key", &record.record.key.value)?);
        Ok(cmd)
    }

    fn json<'a>(&mut self, record: &'a SinkRecord) -> Result<Cow<'a, [u8]>> {
        let Datum { value, .. } = &record.record.value;
        match value {
            Value::String(text) => Ok(self.charset.encode(text)),
            Value::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            _ => {
                let record = &record.record;
                let made = self.json.from_connect(&record.topic, &mut Vec::new(), &record.value)?;
                Ok(Cow::Owned(made.map_or_else(|| b"null".to_vec(), |bytes| bytes.to_vec())))
            }
        }
    }
}

fn with(name: &str, key: &[u8]) -> Cmd {
    let mut cmd = redis::cmd(name);
    cmd.arg(key);
    cmd
}

/// A number as Java writes a double.
fn number(what: &str, value: &Value) -> Result<String> {
    Ok(match value {
        Value::Int8(n) => n.to_string(),
        Value::Int16(n) => n.to_string(),
        Value::Int32(n) => n.to_string(),
        Value::Int64(n) => n.to_string(),
        Value::Float32(n) => double(f64::from(*n)),
        Value::Float64(n) if n.is_infinite() => if *n > 0.0 { "+inf" } else { "-inf" }.to_owned(),
        Value::Float64(n) => double(*n),
        Value::Decimal(n) => double(n.double_value()),
        other => {
            return Err(Error::data(format!(
                "The {what} of the record must be a number, and is {}; use a transformation that makes it one",
                other.java_class().unwrap_or("null")
            )));
        }
    })
}

/// The time of a sample, in milliseconds.
fn time(key: &Value) -> Result<i64> {
    match key {
        Value::Int8(n) => Ok(i64::from(*n)),
        Value::Int16(n) => Ok(i64::from(*n)),
        Value::Int32(n) => Ok(i64::from(*n)),
        Value::Int64(n) | Value::Date(n) => Ok(*n),
        other => Err(Error::data(format!(
            "The key of the record must be a number of milliseconds, and is {}; use LongConverter for it",
            other.java_class().unwrap_or("null")
        ))),
    }
}

/// The command that a struct says whose schema has one of jaredpetersen's names.
fn of_command(record: &SinkRecord) -> Result<Cmd> {
    let Value::Struct(inner) = &record.record.value.value else {
        let class = record.record.value.value.java_class().unwrap_or("null");
        return Err(Error::data(format!(
            "The value of the record must be a struct that says a command, and is {class}"
        )));
    };
    let name = inner.schema().name().map_or("", |name| name);
    let key = || text(inner, "key");
    match name.strip_prefix(SCHEMAS) {
        Some("RedisSetCommand") => set(inner),
        Some("RedisExpireCommand") => timed("EXPIRE", inner, "seconds"),
        Some("RedisExpireatCommand") => timed("EXPIREAT", inner, "timestamp"),
        Some("RedisPexpireCommand") => timed("PEXPIRE", inner, "milliseconds"),
        Some("RedisSaddCommand") => {
            let mut cmd = with("SADD", key()?.as_bytes());
            for value in list(inner, "values")? {
                cmd.arg(item(value)?);
            }
            Ok(cmd)
        }
        Some("RedisGeoaddCommand") => {
            let mut cmd = with("GEOADD", key()?.as_bytes());
            for value in list(inner, "values")? {
                let Value::Struct(place) = value else {
                    return Err(Error::data(
                        "values must be structs of longitude, latitude and member",
                    ));
                };
                cmd.arg(number("longitude", place.get("longitude")?)?);
                cmd.arg(number("latitude", place.get("latitude")?)?);
                cmd.arg(text(place, "member")?);
            }
            Ok(cmd)
        }
        Some("RedisArbitraryCommand") => {
            let mut cmd = redis::cmd(text(inner, "command")?);
            for value in list(inner, "arguments")? {
                cmd.arg(item(value)?);
            }
            Ok(cmd)
        }
        _ => Err(Error::data(format!(
            "unsupported command schema {name}; it must be {SCHEMAS}RedisSetCommand or another of the commands"
        ))),
    }
}

fn set(inner: &Struct) -> Result<Cmd> {
    let mut cmd = with("SET", text(inner, "key")?.as_bytes());
    cmd.arg(text(inner, "value")?);
    if let Some(Value::Struct(expiration)) = optional(inner, "expiration") {
        match text(expiration, "type")? {
            "KEEPTTL" => cmd.arg("KEEPTTL"),
            unit @ ("EX" | "PX") => cmd.arg(unit).arg(whole(expiration, "time")?),
            other => {
                return Err(Error::data(format!(
                    "expiration.type={other}: it must be EX, PX or KEEPTTL"
                )));
            }
        };
    }
    if let Some(Value::String(condition)) = optional(inner, "condition") {
        match condition.to_ascii_uppercase().as_str() {
            word @ ("NX" | "XX") => cmd.arg(word),
            other => return Err(Error::data(format!("condition={other}: it must be NX or XX"))),
        };
    }
    Ok(cmd)
}

fn timed(name: &str, inner: &Struct, field: &str) -> Result<Cmd> {
    let mut cmd = with(name, text(inner, "key")?.as_bytes());
    cmd.arg(whole(inner, field)?);
    Ok(cmd)
}

/// A field that schemas may leave out.
fn optional<'a>(inner: &'a Struct, name: &str) -> Option<&'a Value> {
    inner.schema().field(name).map(|field| inner.get_at(field))
}

fn text<'a>(inner: &'a Struct, name: &str) -> Result<&'a str> {
    inner.get(name)?.as_str().ok_or_else(|| Error::data(format!("{name} must be a string")))
}

fn whole(inner: &Struct, name: &str) -> Result<i64> {
    match inner.get(name)? {
        Value::Int64(n) => Ok(*n),
        Value::Int32(n) => Ok(i64::from(*n)),
        _ => Err(Error::data(format!("{name} must be a whole number"))),
    }
}

fn list<'a>(inner: &'a Struct, name: &str) -> Result<&'a [Value]> {
    match inner.get(name)? {
        Value::Array(list) => Ok(list),
        _ => Err(Error::data(format!("{name} must be a list"))),
    }
}

fn item(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| Error::data("a list of a command must hold strings only"))
}
