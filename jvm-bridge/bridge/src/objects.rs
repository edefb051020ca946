//! Java plugins that belong to no thread: converters, transformations, predicates and providers.
//! They are called where the record is, which is a thread that may be held up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gantry_api::model::config::ConfigValue;
use gantry_api::model::plugin::ConverterType;
use gantry_api::{
    ClientKind, ConfigProvider, ConnectRecord, Converter, Datum, Error, Fate, Header,
    HeaderConverter, Headers, OverridePolicy, OverrideRequest, Predicate, Props, RecordHeader,
    Result, Transformation, Value,
};

use crate::caller::SyncCaller;
use crate::home::Home;
use crate::plugins::PluginClass;
use crate::wire::{Decoder, END, Encoder, Operation, Reader, Writer, config_values};

/// One instance in Java, and what both sides remember of what crossed.
#[derive(Debug)]
struct Object {
    /// Keeps its class loader open.
    _class: PluginClass,
    caller: SyncCaller,
    handle: i64,
    encoder: Encoder,
    decoder: Decoder,
    out: Writer,
}

impl Object {
    /// Makes an instance; `more` is what its operation wants besides class and properties.
    fn new(class: &PluginClass, operation: Operation, props: &Props, more: &[u8]) -> Result<Self> {
        let mut caller = SyncCaller::open(&class.home()?)?;
        let mut out = Writer::new();
        class.write(&mut out);
        out.props(props).raw(more);
        let handle = Reader::new(caller.call(operation, 0, out.as_bytes())?).i64()?;
        let (encoder, decoder) = (Encoder::default(), Decoder::default());
        Ok(Self { _class: class.clone(), caller, handle, encoder, decoder, out })
    }
    fn call(&mut self, operation: Operation) -> Result<Bytes> {
        let reply = self.caller.call(operation, self.handle, self.out.as_bytes());
        if reply.is_err() {
            // Java has forgotten what crossed before.
            self.encoder.forget();
            self.decoder = Decoder::default();
        }
        reply
    }
    /// Begins a request with these texts in front.
    fn begin(&mut self, texts: &[&str]) {
        self.out.clear();
        for text in texts {
            self.out.str(text);
        }
    }
    fn item(&mut self, headers: &[Header], datum: &Datum) {
        self.encoder.begin(&mut self.out);
        self.encoder.item(headers, datum, &mut self.out);
        self.out.u8(END);
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if let Err(error) = self.caller.call(Operation::Release, self.handle, &[]) {
            tracing::debug!(%error, "a Java plugin did not close");
        }
    }
}

/// Headers as they are written, for the wire to Java.
fn to_java(headers: &[RecordHeader]) -> Headers {
    let header = |header: &RecordHeader| {
        let value = header.value.clone().map_or(Value::Null, Value::Bytes);
        Header { key: header.key.clone(), datum: Datum::schemaless(value) }
    };
    headers.iter().map(header).collect()
}

/// And back.
fn from_java(headers: Headers) -> Result<Vec<RecordHeader>> {
    let header = |header: Header| {
        let value = match header.datum.value {
            Value::Null => None,
            Value::Bytes(bytes) => Some(bytes),
            _ => {
                let what = format!("the header {} is not in bytes", header.key);
                return Err(Error::data(what));
            }
        };
        Ok(RecordHeader { key: header.key, value })
    };
    headers.into_iter().map(header).collect()
}

/// A converter of keys or values.
#[derive(Debug)]
pub(crate) struct JavaConverter(Object);

impl JavaConverter {
    pub(crate) fn new(class: &PluginClass, props: &Props) -> Result<Self> {
        let kind = if ConverterType::of(props) == ConverterType::Key { 1 } else { 2 };
        Object::new(class, Operation::NewConverter, props, &[kind]).map(Self)
    }
}

impl Converter for JavaConverter {
    fn from_connect(
        &mut self,
        topic: &str,
        headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        let Self(object) = self;
        object.begin(&[topic]);
        object.item(&to_java(headers), datum);
        let from = &mut Reader::new(object.call(Operation::FromConnect)?);
        let changes_headers = from.bool()?;
        let bytes = from.nullable_bytes()?;
        if changes_headers {
            *headers = from_java(object.decoder.headers_and_datum(from)?.0)?;
        }
        Ok(bytes)
    }

    fn to_connect(
        &mut self,
        topic: &str,
        headers: &[RecordHeader],
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        let Self(object) = self;
        object.begin(&[topic]);
        object.out.nullable_bytes(bytes.as_deref());
        object.item(&to_java(headers), &Datum::NULL);
        let from = &mut Reader::new(object.call(Operation::ToConnect)?);
        Ok(object.decoder.headers_and_datum(from)?.1)
    }
}

/// A converter of headers.
#[derive(Debug)]
pub(crate) struct JavaHeaderConverter(Object);

impl JavaHeaderConverter {
    pub(crate) fn new(class: &PluginClass, props: &Props) -> Result<Self> {
        Object::new(class, Operation::NewHeaderConverter, props, &[]).map(Self)
    }
}

impl HeaderConverter for JavaHeaderConverter {
    fn from_connect_header(
        &mut self,
        topic: &str,
        key: &str,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        let Self(object) = self;
        object.begin(&[topic, key]);
        object.item(&[], datum);
        let reply = object.call(Operation::FromConnectHeader)?;
        Ok(Reader::new(reply).nullable_bytes()?)
    }

    fn to_connect_header(&mut self, topic: &str, key: &str, bytes: Option<Bytes>) -> Result<Datum> {
        let Self(object) = self;
        object.begin(&[topic, key]);
        object.out.nullable_bytes(bytes.as_deref());
        let from = &mut Reader::new(object.call(Operation::ToConnectHeader)?);
        Ok(object.decoder.headers_and_datum(from)?.1)
    }
}

/// A transformation.
#[derive(Debug)]
pub(crate) struct JavaTransformation(Object);

impl JavaTransformation {
    pub(crate) fn new(class: &PluginClass, props: &Props) -> Result<Self> {
        Object::new(class, Operation::NewTransformation, props, &[]).map(Self)
    }
}

impl Transformation for JavaTransformation {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Self(object) = self;
        object.begin(&[]);
        object.encoder.begin(&mut object.out);
        object.encoder.record(record, &mut object.out);
        object.out.u8(END);
        let reply = object.call(Operation::Apply)?;
        match object.decoder.record(reply)? {
            Some(changed) => {
                *record = changed;
                Ok(Fate::Keep)
            }
            None => Ok(Fate::Drop),
        }
    }
}

/// A predicate.
#[derive(Debug)]
pub(crate) struct JavaPredicate(Object);

impl JavaPredicate {
    pub(crate) fn new(class: &PluginClass, props: &Props) -> Result<Self> {
        Object::new(class, Operation::NewPredicate, props, &[]).map(Self)
    }
}

impl Predicate for JavaPredicate {
    fn test(&mut self, record: &ConnectRecord) -> Result<bool> {
        let Self(object) = self;
        object.begin(&[]);
        object.encoder.begin(&mut object.out);
        object.encoder.record(record, &mut object.out);
        object.out.u8(END);
        Ok(Reader::new(object.call(Operation::Test)?).bool()?)
    }
}

/// A config provider. Asked by several at once, one after the other.
#[derive(Debug)]
pub(crate) struct JavaConfigProvider(Mutex<Object>);

impl JavaConfigProvider {
    pub(crate) fn new(class: &PluginClass, props: &Props) -> Result<Self> {
        let object = Object::new(class, Operation::NewConfigProvider, props, &[])?;
        Ok(Self(Mutex::new(object)))
    }
}

impl ConfigProvider for JavaConfigProvider {
    fn get(&self, path: &str, keys: &[&str]) -> Result<BTreeMap<String, String>> {
        let mut object = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        object.begin(&[path]);
        object.out.varint(keys.len());
        for key in keys {
            object.out.str(key);
        }
        let reply = object.call(Operation::Get)?;
        Ok(Reader::new(reply).props()?)
    }
}

/// A policy on what connectors may set of Kafka's clients.
#[derive(Debug)]
pub(crate) struct JavaOverridePolicy {
    /// Keeps its class loader open.
    _class: PluginClass,
    home: Arc<Home>,
    handle: i64,
}

impl JavaOverridePolicy {
    pub(crate) fn new(class: &PluginClass, props: &Props) -> Result<Self> {
        let home = class.home()?;
        let mut out = Writer::new();
        class.write(&mut out);
        out.props(props);
        let made = home.call(Operation::NewOverridePolicy, 0, &out)?;
        Ok(Self { _class: class.clone(), home, handle: Reader::new(made).i64()? })
    }
}

impl Drop for JavaOverridePolicy {
    fn drop(&mut self) {
        if let Err(error) = self.home.call(Operation::Release, self.handle, &Writer::new()) {
            tracing::debug!(%error, "a Java plugin did not close");
        }
    }
}

impl OverridePolicy for JavaOverridePolicy {
    fn validate(&self, request: &OverrideRequest<'_>) -> Result<Vec<ConfigValue>> {
        if request.overrides.is_empty() {
            return Ok(Vec::new());
        }
        let mut out = Writer::new();
        out.str(request.connector).str(request.class);
        out.u8(u8::from(!request.is_source)).u8(match request.client {
            ClientKind::Producer => 0,
            ClientKind::Consumer => 1,
            ClientKind::Admin => 2,
        });
        out.varint(request.overrides.len());
        for (name, text) in &request.overrides {
            out.str(name).optional_str(*text);
        }
        // Each on a channel of its own: one that hangs holds up no other.
        let reply = self.home.call(Operation::ValidateOverrides, self.handle, &out)?;
        Ok(config_values(&mut Reader::new(reply))?)
    }
}

#[cfg(test)]
mod tests;
