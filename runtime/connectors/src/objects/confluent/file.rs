//! One open file of records, and those of their keys and headers beside it.

use std::sync::LazyLock;

use gantry_api::model::values::convert_to_string;
use gantry_api::{
    Datum, Error, Kind, Result, Schema, SchemaBuilder, SinkRecord, Str, Struct, TopicPartition,
    Value,
};

use super::super::format::{AvroFile, BytesFile, FileEncoder, Item, JsonFile, ParquetFile};
use super::super::store::{Fault, Store, Upload};
use super::{Config, Format, Layout, Writing};

/// What of records is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Value,
    Key,
    Headers,
}

/// The files of one directory that is written to.
#[derive(Debug)]
pub(super) struct OpenFile {
    streams: Vec<Stream>,
    /// The schema of the values; none where they have none.
    pub(super) schema: Option<Schema>,
    first: u64,
    last: u64,
    pub(super) records: u64,
    part_bytes: usize,
}

#[derive(Debug)]
struct Stream {
    view: View,
    format: Format,
    encoder: Box<dyn FileEncoder>,
    upload: Upload,
    /// How far it is with its end.
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// Nothing more comes from the encoder.
    Encoded,
    Uploaded,
    Tagged,
}

impl OpenFile {
    /// Files for a first record, of which nothing is stored yet.
    pub(super) fn new(
        config: &Config,
        store: &Store,
        queue: &TopicPartition,
        directory: &str,
        record: &SinkRecord,
    ) -> Result<Self> {
        let writing = &config.writing;
        let is_tombstone =
            config.partitioning.tombstones.is_some() && record.record.value.value.is_null();
        let views = [
            (View::Value, (!is_tombstone).then_some(writing.value)),
            (View::Key, writing.keys),
            (View::Headers, writing.headers),
        ];
        let stem = stem(&config.layout, queue, directory, record.offset);
        let mut streams = Vec::new();
        for (view, format) in views {
            let Some(format) = format else { continue };
            let key = format!("{stem}{}{}", view.extension(), extension(writing, format));
            super::super::store::check_key(&key)?;
            let schema = view.schema(record, format);
            let encoder = encoder(writing, format, schema.as_ref(), &key)?;
            let upload = Upload::new(store.clone(), key);
            streams.push(Stream { view, format, encoder, upload, end: End::Open });
        }
        Ok(Self {
            streams,
            schema: record.record.value.schema.clone(),
            first: record.offset,
            last: record.offset,
            records: 0,
            part_bytes: store.part_bytes(config.part_bytes),
        })
    }

    /// Adds a record to all of the files, or to none. `value` is its value as the file's schema has it.
    pub(super) fn append(&mut self, record: &SinkRecord, value: &Datum) -> Result<()> {
        if let Err(error) = self.stage(record, value) {
            self.streams.iter_mut().for_each(|stream| stream.encoder.forget());
            return Err(error);
        }
        for stream in &mut self.streams {
            stream.encoder.keep()?;
        }
        self.last = record.offset;
        self.records += 1;
        Ok(())
    }

    fn stage(&mut self, record: &SinkRecord, value: &Datum) -> Result<()> {
        let topic = &record.record.topic;
        for stream in &mut self.streams {
            let missing =
                |what: &str| Err(Error::data(format!("{what} cannot be null for the record")));
            let made;
            let datum = match stream.view {
                View::Value => value,
                View::Key if record.record.key.value.is_null() => return missing("Key"),
                View::Key if stream.format == Format::Parquet => {
                    made = enveloped("RecordKey", "key", record.record.key.clone())?;
                    &made
                }
                View::Key => &record.record.key,
                View::Headers if record.record.headers.is_empty() => return missing("Headers"),
                View::Headers => {
                    made = headers(record, stream.format)?;
                    &made
                }
            };
            stream.encoder.stage(Item { topic, datum })?;
        }
        Ok(())
    }

    /// Bytes in memory.
    pub(super) fn held(&self) -> usize {
        self.streams.iter().map(|stream| stream.encoder.held()).sum()
    }

    /// Sends what makes whole parts. May be called again after a fault.
    pub(super) async fn drain(&mut self) -> Result<(), Fault> {
        for stream in &mut self.streams {
            loop {
                stream.upload.resume().await?;
                let Some(part) = stream.encoder.take(self.part_bytes) else { break };
                stream.upload.send(Some(part)).await?;
            }
        }
        Ok(())
    }

    /// Whether there is a whole part to send.
    pub(super) fn has_part(&self) -> bool {
        self.streams.iter().any(|stream| stream.encoder.held() >= self.part_bytes)
    }

    /// Ends the files and stores all of them. May be called again after a fault.
    pub(super) async fn finish(&mut self, config: &Config, store: &Store) -> Result<(), Fault> {
        let tags = config.tagging.as_ref().map(|tagging| {
            let mut tags = vec![
                ("startOffset".to_owned(), self.first.to_string()),
                ("endOffset".to_owned(), self.last.to_string()),
                ("recordCount".to_owned(), self.records.to_string()),
            ];
            for (name, value) in &tagging.more {
                tags.retain(|(known, _)| known != name);
                tags.push((name.clone(), value.clone()));
            }
            (tags, tagging.ignores_errors)
        });
        for stream in &mut self.streams {
            if stream.end == End::Open {
                loop {
                    stream.upload.resume().await?;
                    let Some(part) = stream.encoder.take(self.part_bytes) else { break };
                    stream.upload.send(Some(part)).await?;
                }
                let rest = stream.encoder.finish().map_err(Fault::Never)?;
                stream.end = End::Encoded;
                stream.upload.finish(Some(rest)).await?;
                stream.end = End::Uploaded;
            }
            if stream.end == End::Encoded {
                stream.upload.finish(None).await?;
                stream.end = End::Uploaded;
            }
            if stream.end == End::Uploaded {
                // Java tags the file of the values only.
                if let (View::Value, Some((tags, ignores))) = (stream.view, &tags) {
                    tag(store, stream.upload.key(), tags, *ignores).await?;
                }
                stream.end = End::Tagged;
                tracing::debug!(object = stream.upload.key(), records = self.records, "stored");
            }
        }
        Ok(())
    }

    /// Gives up what is not stored.
    pub(super) async fn abort(self) {
        for stream in self.streams {
            stream.upload.abort().await;
        }
    }
}

async fn tag(
    store: &Store,
    key: &str,
    tags: &[(String, String)],
    ignores_errors: bool,
) -> Result<(), Fault> {
    match store.tag(key, tags).await {
        Err(fault) if ignores_errors => {
            tracing::warn!(object = key, error = %fault.into_error(), "the object gets no tags");
            Ok(())
        }
        tagged => tagged,
    }
}

/// All of a file's name but what its content says.
fn stem(layout: &Layout, queue: &TopicPartition, directory: &str, offset: u64) -> String {
    let Layout { root, directory: d, file: f, width } = layout;
    let TopicPartition { topic, partition } = queue;
    let name = format!("{topic}{d}{directory}{d}{topic}{f}{partition}{f}{offset:0width$}");
    if root.trim().is_empty() { name } else { format!("{root}{d}{name}") }
}

fn extension(writing: &Writing, format: Format) -> String {
    match format {
        Format::Json => format!(".json{}", writing.compression.extension()),
        Format::Bytes => format!("{}{}", writing.bytes_extension, writing.compression.extension()),
        Format::Avro => ".avro".to_owned(),
        Format::Parquet => format!("{}.parquet", writing.parquet.extension()),
    }
}

fn encoder(
    writing: &Writing,
    format: Format,
    schema: Option<&Schema>,
    key: &str,
) -> Result<Box<dyn FileEncoder>> {
    Ok(match format {
        Format::Json => Box::new(JsonFile::new(&writing.decimals, writing.compression)?),
        Format::Bytes => Box::new(BytesFile::new(&writing.separator, writing.compression)?),
        Format::Avro => {
            let encoder = writing.avro.encoder(schema)?;
            let none = super::super::format::Compression::None;
            Box::new(AvroFile::new(encoder, writing.avro_codec, none, key)?)
        }
        Format::Parquet => {
            let schema = schema.ok_or_else(|| {
                Error::data("Parquet files need values with a schema: use a converter with schemas")
            })?;
            let avro = writing.avro.encoder(Some(schema))?;
            Box::new(ParquetFile::new(schema, avro.schema(), writing.parquet)?)
        }
    })
}

impl View {
    fn extension(self) -> &'static str {
        match self {
            Self::Value => "",
            Self::Key => ".keys",
            Self::Headers => ".headers",
        }
    }

    /// The schema of a file that begins with the record.
    fn schema(self, record: &SinkRecord, format: Format) -> Option<Schema> {
        match self {
            Self::Value => record.record.value.schema.clone(),
            Self::Key if format == Format::Parquet => {
                let key = record.record.key.clone();
                enveloped("RecordKey", "key", key).ok().and_then(|datum| datum.schema)
            }
            Self::Key => record.record.key.schema.clone(),
            Self::Headers if format == Format::Avro => Some(HEADERS.clone()),
            Self::Headers => Some(HEADERS_STRUCT.clone()),
        }
    }
}

/// A struct with one field.
fn enveloped(name: &str, field: &str, datum: Datum) -> Result<Datum> {
    let schema = datum.schema.ok_or_else(|| Error::data(format!("The {field} has no schema")))?;
    let schema = struct_of(name, field, schema)?;
    let value = Struct::from_values(schema.clone(), vec![datum.value]);
    Ok(Datum::new(schema, Value::Struct(value.into())))
}

fn struct_of(name: &str, field: &str, schema: Schema) -> Result<Schema> {
    SchemaBuilder::structure(vec![(field.into(), schema)])?.name(Some(name.into())).build()
}

static HEADER: LazyLock<Schema> = LazyLock::new(|| {
    let fields: Vec<(Str, Schema)> =
        vec![("key".into(), Schema::string()), ("value".into(), Schema::string())];
    let built = SchemaBuilder::structure(fields).and_then(SchemaBuilder::build);
    built.unwrap_or_else(|_| Schema::absent())
});
static HEADERS: LazyLock<Schema> =
    LazyLock::new(|| SchemaBuilder::new(Kind::Array(HEADER.clone())).build_plain());
static HEADERS_STRUCT: LazyLock<Schema> = LazyLock::new(|| {
    struct_of("RecordHeaders", "headers", HEADERS.clone()).unwrap_or_else(|_| Schema::absent())
});

/// Headers as texts; in a struct but for Avro.
fn headers(record: &SinkRecord, format: Format) -> Result<Datum> {
    let mut list = Vec::with_capacity(record.record.headers.len());
    for header in &record.record.headers {
        let datum = &header.datum;
        let text = convert_to_string(datum.schema.as_ref(), &datum.value)?;
        let text = text.ok_or_else(|| Error::data(format!("Header {} is null", header.key)))?;
        let values = vec![Value::str(&header.key), Value::str(&text)];
        list.push(Value::Struct(Struct::from_values(HEADER.clone(), values).into()));
    }
    let list = Value::array(list);
    if format == Format::Avro {
        return Ok(Datum::new(HEADERS.clone(), list));
    }
    let value = Struct::from_values(HEADERS_STRUCT.clone(), vec![list]);
    Ok(Datum::new(HEADERS_STRUCT.clone(), Value::Struct(value.into())))
}
