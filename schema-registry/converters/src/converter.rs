//! The converter: which schema data are written and read by.

mod read;
mod settings;
mod write;

use bytes::Bytes;
use gantry_model::plugin::{CONVERTER_TYPE, Converter, ConverterType, DRY_RUN, Props};
use gantry_model::{Datum, Error, ErrorKind, RecordHeader, Result};
use gantry_schema_model::{Dependency, Format, ParsedSchema};

use crate::client::{self, Candidate, Registered, Registry, RegistryError};
use crate::format::DataFormat;
use crate::id::{Ids, SchemaId};
use crate::keys;
use crate::subject::Strategy;

pub use settings::Choice;
pub(crate) use settings::Settings;

use read::Readers;
use write::Writers;

/// A converter whose data carry only the id of their schema.
pub(crate) struct SchemaConverter<F: DataFormat> {
    format: F,
    asking: Asking,
    settings: Settings,
    ids: Ids,
    writers: Writers<F>,
    readers: Readers<F>,
}

/// The registry, and how it is asked for the schemas of a topic.
struct Asking {
    registry: Box<dyn Registry>,
    strategy: Strategy,
    is_key: bool,
}

impl<F: DataFormat> SchemaConverter<F> {
    /// A converter with these keys. `ConfigException` for a bad value; the registry is not asked
    /// before there are data.
    pub(crate) fn new(props: &Props) -> Result<Self> {
        let kind = ConverterType::of(props);
        let def = F::define(keys::define());
        let mut given = keys::without_prefix(&def, props);
        given.insert(CONVERTER_TYPE.to_owned(), kind.as_str().to_owned());
        let config = def.parse(&given)?;
        let is_key = kind == ConverterType::Key;
        let is_dry = props.get(DRY_RUN).is_some_and(|is| is == "true");
        let settings = Settings::new(&config, is_dry)?;
        Ok(Self {
            format: F::new(&config)?,
            asking: Asking {
                registry: client::registry(&config, &given, is_dry)?,
                strategy: Strategy::new(&config, is_key),
                is_key,
            },
            ids: Ids::new(&config, is_key, F::NAMES.has_message_indexes)?,
            writers: Writers::new(settings.schemas_max),
            readers: Readers::new(settings.schemas_max),
            settings,
        })
    }
}

impl Asking {
    /// The subject of a topic's schema; `record` is what the schema describes.
    fn subject(&mut self, topic: &str, record: Option<&str>) -> Result<String> {
        if let Some(cluster) = self.strategy.associated() {
            let part = self.strategy.part();
            let mut subjects = self
                .registry
                .associated(topic, cluster, part)
                .map_err(|error| error.into_error("Error retrieving the subject of a topic"))?;
            if subjects.len() > 1 {
                let what = format!("Multiple associated subjects found for topic {topic}");
                return Err(Error::new(ErrorKind::Serialization, what));
            }
            if let Some(subject) = subjects.pop() {
                return Ok(subject);
            }
        }
        self.strategy.subject(topic, record)
    }

    /// Reads the text of a schema of the registry.
    fn parse<F: DataFormat>(&mut self, found: &Registered, what: &str) -> Result<F::Schema> {
        let schema_type = found.schema_type.as_deref().unwrap_or(F::NAMES.schema_type);
        if schema_type != F::NAMES.schema_type {
            let reason = format!(
                "it is of type {schema_type}, and this converter is for {}",
                F::NAMES.schema_type
            );
            return Err(serialization(what, reason));
        }
        let dependencies = self
            .registry
            .dependencies(&found.references)
            .map_err(|error| error.into_error(what))?;
        let text = found.text.as_deref().unwrap_or_default();
        parse::<F>(text, &dependencies, false)
            .map_err(|error| serialization(what, error.message().to_owned()))
    }
}

fn parse<F: DataFormat>(
    text: &str,
    dependencies: &[Dependency],
    is_new: bool,
) -> Result<F::Schema> {
    F::Format::parse(text, dependencies, is_new).map_err(|error| {
        Error::new(ErrorKind::Serialization, format!("{} schema {error}", F::NAMES.label))
    })
}

/// What could not be done, and why.
fn serialization(what: &str, why: String) -> Error {
    Error::new(ErrorKind::Serialization, what).caused_by(Error::new(ErrorKind::Serialization, why))
}

/// What a topic's data could not be: as Kafka Connect's tools know these sentences. Errors that
/// say themselves what is wrong with a value stay as they are.
fn told(error: Error, (before, after): (&str, &str), topic: &str) -> Error {
    match error.kind() {
        ErrorKind::Serialization => Error::data(format!("{before}{topic}{after}")).caused_by(error),
        _ if error.is_retriable() && *error.kind() != ErrorKind::Retriable => {
            Error::retriable(format!("{before}{topic}{after}")).caused_by(error)
        }
        _ => error,
    }
}

impl<F: DataFormat> Converter for SchemaConverter<F> {
    fn from_connect(
        &mut self,
        topic: &str,
        headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        self.write(topic, headers, datum).map_err(|error| told(error, F::NAMES.write_failed, topic))
    }

    fn to_connect(
        &mut self,
        topic: &str,
        headers: &[RecordHeader],
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        let Some(bytes) = bytes else { return Ok(Datum::NULL) };
        self.read(topic, headers, bytes).map_err(|error| told(error, F::NAMES.read_failed, topic))
    }
}
