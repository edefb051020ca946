//! Where the id of a schema is beside the data that are written by it.

use bytes::Bytes;
use gantry_model::config::ParsedConfig;
use gantry_model::{Error, ErrorKind, RecordHeader, Result};

use crate::keys;

pub(crate) const PREFIX: &str = "io.confluent.kafka.serializers.schema.id.PrefixSchemaIdSerializer";
const HEADER: &str = "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer";
pub(crate) const DUAL: &str = "io.confluent.kafka.serializers.schema.id.DualSchemaIdDeserializer";
const PREFIX_ONLY: &str = "io.confluent.kafka.serializers.schema.id.PrefixSchemaIdDeserializer";
pub(crate) const CONFIG: &str =
    "io.confluent.kafka.serializers.schema.id.ConfigSchemaIdDeserializer";
/// The id as decimal digits in a header: readable as a property of a RocketMQ message.
const TEXT_HEADER: &str = "gantry.schema.id.TextHeaderSchemaIdSerializer";

/// All that are known.
pub(crate) const CLASSES: &[&str] = &[PREFIX, HEADER, TEXT_HEADER, DUAL, PREFIX_ONLY, CONFIG];

const KEY_HEADER: &str = "__key_schema_id";
const VALUE_HEADER: &str = "__value_schema_id";

/// In front of an id of 4 bytes.
const MAGIC_ID: u8 = 0;
/// In front of a GUID.
const MAGIC_GUID: u8 = 1;
/// In front of a record id of RocketMQ's registry: Avro's length of 8 bytes.
const MAGIC_RECORD: u8 = 0x10;

/// No schema has messages nested this deep.
const MESSAGE_INDEXES_MAX: usize = 100;

/// Which schema data are written by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// The registry's number.
    Id(i32),
    /// The hash of its contents.
    Guid([u8; 16]),
    /// The number in RocketMQ's registry of this version of it.
    Record(i64),
}

impl std::fmt::Display for SchemaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Guid(guid) => f.write_str(&guid_text(guid)),
            Self::Record(id) => write!(f, "record {id}"),
        }
    }
}

/// As `1b4f…-…`.
pub(crate) fn guid_text(guid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in guid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// From `1b4f…-…`.
pub(crate) fn guid_of(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let digits = std::str::from_utf8(&digits).ok().filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

/// Where an id is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// In front of the data.
    InFront,
    /// The GUID in a header.
    Header,
    /// The id in a header, as text.
    TextHeader,
}

/// Where an id is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sought {
    /// In the header, then in front of the data.
    Dual,
    /// In front of the data.
    InFront,
    /// It is the same for all data.
    Config(SchemaId, Vec<i32>),
}

/// How ids are written and read.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    header: &'static str,
    placed: Placed,
    sought: Sought,
    has_message_indexes: bool,
    /// Whether numbers in text are record ids of RocketMQ's registry.
    is_rocketmq: bool,
}

/// What stands beside data: in front of them, or in a header.
#[derive(Clone, Debug)]
pub(crate) enum Stamp {
    /// In front.
    Bytes(Vec<u8>),
    /// In a header.
    Header(RecordHeader),
}

/// What was found beside data.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: SchemaId,
    /// Which message of a Protobuf schema; empty for other formats.
    pub(crate) message_indexes: Vec<i32>,
    /// How many bytes of the data it takes; none if it was in a header or is the same for all.
    pub(crate) length: usize,
}

impl Ids {
    pub(crate) fn new(
        config: &ParsedConfig,
        is_key: bool,
        has_message_indexes: bool,
    ) -> Result<Self> {
        let (header, serializer, deserializer) = match is_key {
            true => (KEY_HEADER, keys::KEY_ID_SERIALIZER, keys::KEY_ID_DESERIALIZER),
            false => (VALUE_HEADER, keys::VALUE_ID_SERIALIZER, keys::VALUE_ID_DESERIALIZER),
        };
        let wrong = |key: &str, class: &str, what: &str| {
            Error::config(format!("Invalid value {class} for configuration {key}: {what}"))
        };
        let placed = match config.string(serializer) {
            Some(HEADER) => Placed::Header,
            Some(TEXT_HEADER) => Placed::TextHeader,
            Some(PREFIX) | None => Placed::InFront,
            Some(other) => return Err(wrong(serializer, other, "it does not write ids")),
        };
        let sought = match config.string(deserializer) {
            Some(DUAL) | None => Sought::Dual,
            Some(PREFIX_ONLY) => Sought::InFront,
            Some(CONFIG) => {
                let id = configured(config)?.ok_or_else(|| {
                    let what = format!(
                        "it needs {} or {}, the schema of all data",
                        keys::USE_SCHEMA_ID,
                        keys::USE_SCHEMA_GUID
                    );
                    wrong(deserializer, CONFIG, &what)
                })?;
                Sought::Config(id, configured_indexes(config, has_message_indexes)?)
            }
            Some(other) => return Err(wrong(deserializer, other, "it does not read ids")),
        };
        let is_rocketmq = config.string(keys::REGISTRY_API) == Some(keys::API_ROCKETMQ);
        Ok(Self { header, placed, sought, has_message_indexes, is_rocketmq })
    }

    /// The name of the header that may hold the id.
    pub(crate) fn header_name(&self) -> &'static str {
        self.header
    }

    /// The schema that all data are read by, if it is the same for all.
    pub(crate) fn of_all_data(&self) -> Option<SchemaId> {
        match &self.sought {
            Sought::Config(id, _) => Some(*id),
            Sought::Dual | Sought::InFront => None,
        }
    }

    pub(crate) fn placed(&self) -> Placed {
        self.placed
    }

    /// What is to stand beside data; `indexes` are message indexes as they are written.
    pub(crate) fn stamp(&self, id: SchemaId, indexes: &[u8]) -> Stamp {
        let bytes = match self.placed {
            Placed::TextHeader => text_stamp(id, indexes).into_bytes(),
            _ => binary_stamp(id, indexes),
        };
        match self.placed {
            Placed::InFront => Stamp::Bytes(bytes),
            Placed::Header | Placed::TextHeader => {
                let value = Some(Bytes::from(bytes));
                Stamp::Header(RecordHeader { key: self.header.into(), value })
            }
        }
    }

    /// The header that holds the id, where there is one.
    pub(crate) fn header<'a>(&self, headers: &'a [RecordHeader]) -> Option<&'a Bytes> {
        match self.sought {
            Sought::Dual => headers
                .iter()
                .rfind(|header| &*header.key == self.header)
                .and_then(|header| header.value.as_ref()),
            Sought::InFront | Sought::Config(..) => None,
        }
    }

    /// Finds the id in its header, or else in front of the data.
    pub(crate) fn find(&self, header: Option<&Bytes>, data: &Bytes) -> Result<Found> {
        if let Sought::Config(id, message_indexes) = &self.sought {
            return Ok(Found { id: *id, message_indexes: message_indexes.clone(), length: 0 });
        }
        let mut from = Cursor { bytes: header.unwrap_or(data), at: 0 };
        let (id, message_indexes) = match header {
            Some(text) if text.first().is_some_and(u8::is_ascii_digit) => self.text_id(text),
            _ => self.binary_id(&mut from),
        }
        .map_err(|error| {
            Error::new(ErrorKind::Serialization, "Error deserializing schema ID").caused_by(error)
        })?;
        let length = if header.is_some() { 0 } else { from.at };
        Ok(Found { id, message_indexes, length })
    }

    fn binary_id(&self, from: &mut Cursor<'_>) -> Result<(SchemaId, Vec<i32>)> {
        let id = from.id()?;
        let indexes = if self.has_message_indexes { from.indexes()? } else { Vec::new() };
        Ok((id, indexes))
    }

    /// A number, and behind a space which message it is.
    fn text_id(&self, bytes: &[u8]) -> Result<(SchemaId, Vec<i32>)> {
        let text = String::from_utf8_lossy(bytes);
        let wrong = || {
            let what = format!("{text} in the header {} is no id of a schema", self.header);
            Error::java("java.lang.IllegalArgumentException", what)
        };
        let (number, indexes) = text.split_once(' ').unwrap_or((&text, ""));
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let id = match self.is_rocketmq {
            true => SchemaId::Record(number),
            false => SchemaId::Id(i32::try_from(number).map_err(|_| wrong())?),
        };
        let indexes = match (self.has_message_indexes, indexes) {
            (false, _) => Vec::new(),
            (true, "") => vec![0],
            (true, list) => {
                list.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?
            }
        };
        Ok((id, indexes))
    }
}

fn binary_stamp(id: SchemaId, indexes: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    match id {
        SchemaId::Id(id) => {
            bytes.push(MAGIC_ID);
            bytes.extend_from_slice(&id.to_be_bytes());
        }
        SchemaId::Guid(guid) => {
            bytes.push(MAGIC_GUID);
            bytes.extend_from_slice(&guid);
        }
        SchemaId::Record(id) => {
            bytes.push(MAGIC_RECORD);
            bytes.extend_from_slice(&id.to_be_bytes());
        }
    }
    bytes.extend_from_slice(indexes);
    bytes
}

fn text_stamp(id: SchemaId, indexes: &[u8]) -> String {
    let mut text = match id {
        SchemaId::Id(id) => id.to_string(),
        SchemaId::Record(id) => id.to_string(),
        SchemaId::Guid(guid) => guid_text(&guid),
    };
    let indexes = match indexes {
        [] => Vec::new(),
        bytes => Cursor { bytes, at: 0 }.indexes().unwrap_or_default(),
    };
    for (at, index) in indexes.iter().enumerate() {
        text.push(if at == 0 { ' ' } else { ',' });
        text.push_str(&index.to_string());
    }
    text
}

/// The schema that keys name for all data.
pub(crate) fn configured(config: &ParsedConfig) -> Result<Option<SchemaId>> {
    if let Some(id) = config.long(keys::USE_SCHEMA_ID).filter(|id| *id >= 0) {
        return Ok(i32::try_from(id).ok().map(SchemaId::Id));
    }
    let Some(text) = config.string(keys::USE_SCHEMA_GUID) else { return Ok(None) };
    let guid = guid_of(text).ok_or_else(|| {
        Error::config(format!(
            "Invalid value {text} for configuration {}: it is no GUID of 32 hexadecimal digits",
            keys::USE_SCHEMA_GUID
        ))
    })?;
    Ok(Some(SchemaId::Guid(guid)))
}

fn configured_indexes(config: &ParsedConfig, has_message_indexes: bool) -> Result<Vec<i32>> {
    match (has_message_indexes, config.string(keys::USE_MESSAGE_INDEXES)) {
        (false, _) => Ok(Vec::new()),
        (true, None) => Ok(vec![0]),
        (true, Some(text)) => {
            text.split(',').map(|index| index.trim().parse()).collect::<Result<_, _>>().map_err(
                |error| {
                    Error::config(format!(
                        "Invalid value {text} for configuration {}: {error}; write numbers \
                         separated by commas",
                        keys::USE_MESSAGE_INDEXES
                    ))
                },
            )
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let bytes = rest.ok_or_else(|| {
            let left = self.bytes.len() - self.at;
            let what = format!("the schema's id needs {N} more bytes, and {left} are there");
            Error::java("java.nio.BufferUnderflowException", what)
        })?;
        self.at += N;
        Ok(*bytes)
    }

    fn id(&mut self) -> Result<SchemaId> {
        let [magic] = self.take()?;
        Ok(match magic {
            MAGIC_ID => SchemaId::Id(i32::from_be_bytes(self.take()?)),
            MAGIC_GUID => SchemaId::Guid(self.take()?),
            MAGIC_RECORD => SchemaId::Record(i64::from_be_bytes(self.take()?)),
            other => return Err(unknown_magic(other)),
        })
    }

    fn indexes(&mut self) -> Result<Vec<i32>> {
        let count = self.zigzag()?;
        if count == 0 {
            return Ok(vec![0]);
        }
        let count = usize::try_from(count).ok().filter(|count| *count <= MESSAGE_INDEXES_MAX);
        let count = count.ok_or_else(|| {
            Error::java("java.lang.IllegalArgumentException", "Invalid message indexes")
        })?;
        (0..count).map(|_| self.zigzag()).collect()
    }

    fn zigzag(&mut self) -> Result<i32> {
        let mut value = 0_u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(Error::java("java.lang.IllegalArgumentException", "Varint is too long"))
    }
}

fn unknown_magic(byte: u8) -> Error {
    Error::java(
        "java.lang.IllegalArgumentException",
        format!(
            "Unknown magic byte! The record begins with 0x{byte:02x}: it was not written with a \
             schema registry. Choose the converter that it was written with"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(placed: Placed, sought: Sought, has_message_indexes: bool) -> Ids {
        let is_rocketmq = false;
        Ids { header: VALUE_HEADER, placed, sought, has_message_indexes, is_rocketmq }
    }

    #[test]
    fn what_is_written_is_found() {
        let guid = guid_of("99914b93-2bd3-7a50-b983-c5e7c90ae93b").unwrap();
        assert_eq!(guid_text(&guid), "99914b93-2bd3-7a50-b983-c5e7c90ae93b");
        let cases = [
            (Placed::InFront, SchemaId::Id(7)),
            (Placed::InFront, SchemaId::Record(7 << 14 | 3)),
            (Placed::Header, SchemaId::Guid(guid)),
            (Placed::TextHeader, SchemaId::Id(i32::MAX)),
        ];
        // Places 1 and 0 of messages, zigzag: a count of 2, then 2 and 0.
        for (placed, id) in cases {
            for (indexes, message_indexes) in [(&[][..], vec![]), (&[4, 2, 0], vec![1, 0])] {
                let ids = ids(placed, Sought::Dual, !indexes.is_empty());
                let (headers, data) = match ids.stamp(id, indexes) {
                    Stamp::Bytes(mut bytes) => {
                        bytes.extend_from_slice(b"data");
                        (Vec::new(), Bytes::from(bytes))
                    }
                    Stamp::Header(header) => (vec![header], Bytes::from_static(b"data")),
                };
                let found = ids.find(ids.header(&headers), &data).unwrap();
                assert_eq!((found.id, &found.message_indexes), (id, &message_indexes));
                assert_eq!(&data[found.length..], b"data");
            }
        }
    }

    #[test]
    fn what_is_no_id_is_told() {
        let ids = ids(Placed::InFront, Sought::Dual, true);
        for (data, reason) in [
            (&b"{\"a\":1}"[..], "Unknown magic byte! The record begins with 0x7b"),
            (b"12", "begins with 0x31"),
            (b"", "needs 1 more bytes, and 0 are there"),
            (&[0, 0, 0], "needs 4 more bytes, and 2 are there"),
            (&[0, 0, 0, 0, 1, 0x80], "needs 1 more"),
            (&[0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "too long"),
            (&[0, 0, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f], "Invalid message indexes"),
        ] {
            let error = ids.find(None, &Bytes::copy_from_slice(data)).unwrap_err();
            let cause = error.cause().unwrap().message();
            assert!(cause.contains(reason), "{data:?}: {cause}");
        }
    }

    #[test]
    fn an_id_in_text_is_one() {
        let ids = ids(Placed::TextHeader, Sought::Dual, false);
        let data = Bytes::from_static(b"data");
        for text in [&b"12x"[..], b"99999999999", b"1\xff"] {
            let error = ids.find(Some(&Bytes::from_static(text)), &data).unwrap_err();
            assert!(error.cause().unwrap().message().contains("is no id of a schema"));
        }
        assert_eq!(ids.find(Some(&Bytes::from_static(b"12")), &data).unwrap().id, SchemaId::Id(12));
    }
}
