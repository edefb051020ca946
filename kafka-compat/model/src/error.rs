//! One error for everything a plugin can answer. It says whose fault it is and whether to try
//! again, and carries the Java class name that Kafka Connect shows for the same failure.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The result of every plugin call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an error is. A bounded set, fit to be a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// The configuration is wrong; the task fails until it is changed.
    Config,
    /// This record is wrong; `errors.tolerance` decides.
    Data,
    /// The other system failed.
    External,
    /// We are wrong.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Never: the same input fails again.
    Never,
    /// Yes, with the caller's back-off.
    Backoff,
    /// Yes, not before this time has passed.
    After(Duration),
}

/// The kind of an error; each one stands for one Java class of Kafka Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `org.apache.kafka.connect.errors.ConnectException`
    Connect,
    /// `org.apache.kafka.connect.errors.DataException`
    Data,
    /// `org.apache.kafka.connect.errors.RetriableException`
    Retriable,
    /// `org.apache.kafka.connect.errors.NotFoundException`
    NotFound,
    /// `org.apache.kafka.connect.errors.AlreadyExistsException`
    AlreadyExists,
    /// `org.apache.kafka.connect.errors.SchemaBuilderException`
    SchemaBuilder,
    /// `org.apache.kafka.connect.errors.SchemaProjectorException`
    SchemaProjector,
    /// `org.apache.kafka.common.config.ConfigException`
    Config,
    /// `org.apache.kafka.common.errors.SerializationException`
    Serialization,
    /// `java.io.IOException`: the system around us failed.
    Io,
    /// Any other Java class, by its full name (`java.lang.NullPointerException`, …).
    Java(Arc<str>),
}

impl ErrorKind {
    /// The Java class that Kafka Connect would name.
    pub fn java_class(&self) -> &str {
        match self {
            Self::Connect => "org.apache.kafka.connect.errors.ConnectException",
            Self::Data => "org.apache.kafka.connect.errors.DataException",
            Self::Retriable => "org.apache.kafka.connect.errors.RetriableException",
            Self::NotFound => "org.apache.kafka.connect.errors.NotFoundException",
            Self::AlreadyExists => "org.apache.kafka.connect.errors.AlreadyExistsException",
            Self::SchemaBuilder => "org.apache.kafka.connect.errors.SchemaBuilderException",
            Self::SchemaProjector => "org.apache.kafka.connect.errors.SchemaProjectorException",
            Self::Config => "org.apache.kafka.common.config.ConfigException",
            Self::Serialization => "org.apache.kafka.common.errors.SerializationException",
            Self::Io => "java.io.IOException",
            Self::Java(class) => class,
        }
    }
}

/// An error with its kind, its message and its cause. One pointer wide.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    retry: Retry,
    message: String,
    cause: Option<Error>,
    /// The full trace when the error comes from a Java plugin.
    trace: Option<Arc<str>>,
    /// Where in the message the record's position belongs.
    position_at: Option<usize>,
}

impl Error {
    /// An error of `kind`. Kinds that Kafka retries ([`ErrorKind::Retriable`]) get a back-off.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retry = if kind == ErrorKind::Retriable { Retry::Backoff } else { Retry::Never };
        Self(Box::new(Inner {
            kind,
            retry,
            message: message.into(),
            cause: None,
            trace: None,
            position_at: None,
        }))
    }
    /// A record that cannot be handled (`DataException`).
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }
    /// A configuration that cannot be used (`ConfigException`).
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }
    /// Any other failure of a connector (`ConnectException`).
    pub fn connect(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Connect, message)
    }
    /// A failure worth trying again (`RetriableException`).
    pub fn retriable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retriable, message)
    }
    /// A failure shown under any Java class name.
    pub fn java(class: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Java(class.into()), message)
    }
    /// `message` and the operating system's reason.
    pub fn io(message: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("{message}: {error}"))
    }
    /// Adds what caused this error.
    #[must_use]
    pub fn caused_by(mut self, cause: Self) -> Self {
        self.0.cause = Some(cause);
        self
    }
    /// Sets whether to try again.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }
    /// Sets the trace as the plugin printed it.
    #[must_use]
    pub fn with_trace(mut self, trace: impl Into<Arc<str>>) -> Self {
        self.0.trace = Some(trace.into());
        self
    }
    /// Says that the message shows a record, and that the record's position in its source or
    /// topic belongs at byte `at`, which whoever made the error does not know.
    #[must_use]
    pub fn with_position_at(mut self, at: usize) -> Self {
        self.0.position_at = Some(at);
        self
    }
    /// Puts the position of the record that failed into the message, if it shows the record.
    pub fn locate(&mut self, position: impl FnOnce() -> String) {
        let at = self.0.position_at.take();
        if let Some(at) = at.filter(|at| self.0.message.is_char_boundary(*at)) {
            self.0.message.insert_str(at, &position());
        }
    }
    /// The kind.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }
    /// The message alone, without class and cause.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// What caused it.
    pub fn cause(&self) -> Option<&Self> {
        self.0.cause.as_ref()
    }
    /// Whether to try again.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }
    /// Whether trying again can help.
    pub fn is_retriable(&self) -> bool {
        self.0.retry != Retry::Never
    }
    /// Whose fault it is.
    pub fn domain(&self) -> Domain {
        match self.0.kind {
            ErrorKind::Config => Domain::Config,
            ErrorKind::Data
            | ErrorKind::Serialization
            | ErrorKind::SchemaBuilder
            | ErrorKind::SchemaProjector => Domain::Data,
            ErrorKind::Io | ErrorKind::Retriable => Domain::External,
            ErrorKind::Connect | ErrorKind::NotFound | ErrorKind::AlreadyExists => Domain::External,
            ErrorKind::Java(_) => Domain::Internal,
        }
    }
    /// What Kafka Connect puts into `trace`: class, message and the chain of causes.
    pub fn trace(&self) -> String {
        let mut text = String::new();
        let mut next = Some(self);
        let mut first = true;
        while let Some(error) = next {
            if !first {
                text.push_str("\nCaused by: ");
            }
            first = false;
            if let Some(trace) = &error.0.trace {
                // It has its causes, too.
                text.push_str(trace);
                return text;
            }
            text.push_str(&error.to_string());
            next = error.cause();
        }
        text.push('\n');
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.message.is_empty() {
            f.write_str(self.0.kind.java_class())
        } else {
            write!(f, "{}: {}", self.0.kind.java_class(), self.0.message)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.trace())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}
