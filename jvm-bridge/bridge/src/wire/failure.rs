//! What Java has thrown.

use bytes::Bytes;
use gantry_api::{Error, ErrorKind, Retry};

use super::reader::{Malformed, Reader};

const RETRIABLE: u8 = 1;
const OUT_OF_MEMORY: u8 = 2;

/// An exception or error of Java.
#[derive(Debug)]
pub(crate) struct Failure {
    flags: u8,
    /// Class and message, then those of its causes.
    chain: Vec<(String, Option<String>)>,
    trace: String,
}

impl Failure {
    pub(crate) fn read(frame: Bytes) -> Result<Self, Malformed> {
        Self::read_from(&mut Reader::new(frame))
    }

    pub(crate) fn read_from(from: &mut Reader) -> Result<Self, Malformed> {
        let flags = from.u8()?;
        let count = from.count()?;
        let chain = (0..count).map(|_| Ok((from.str()?, from.optional_str()?)));
        let chain = chain.collect::<Result<_, Malformed>>()?;
        Ok(Self { flags, chain, trace: from.str()? })
    }

    /// Whether the JVM's heap is full: what else runs in it is no longer to be trusted.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.flags & OUT_OF_MEMORY != 0
    }

    /// The same as an error with its causes, its trace and whether to try again.
    pub(crate) fn into_error(self) -> Error {
        let retry = if self.flags & RETRIABLE != 0 { Retry::Backoff } else { Retry::Never };
        let mut whole: Option<Error> = None;
        for (class, message) in self.chain.into_iter().rev() {
            let error = Error::new(kind_of(&class), message.unwrap_or_default());
            whole = Some(match whole {
                Some(cause) => error.caused_by(cause),
                None => error,
            });
        }
        let error = whole.unwrap_or_else(|| Error::connect("Java failed and did not say how"));
        error.with_retry(retry).with_trace(self.trace)
    }
}

/// The kind of a class that we have, or the class by its name.
fn kind_of(class: &str) -> ErrorKind {
    let known = [
        ErrorKind::Connect,
        ErrorKind::Data,
        ErrorKind::Retriable,
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::SchemaBuilder,
        ErrorKind::SchemaProjector,
        ErrorKind::Config,
        ErrorKind::Serialization,
        ErrorKind::Io,
    ];
    let found = known.into_iter().find(|kind| kind.java_class() == class);
    found.unwrap_or_else(|| ErrorKind::Java(class.into()))
}
