//! What the herder answers instead of doing as asked. HTTP codes are the gateway's.

/// What kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HerderErrorKind {
    /// No such connector, task or plugin.
    NotFound,
    /// A connector of that name exists.
    AlreadyExists,
    /// The request is wrong.
    BadRequest,
    /// A value cannot even be judged: a config provider fails, or it is not of its type where
    /// Kafka Connect reports no finding. Its `ConfigException`.
    Config,
    /// Not in this state, or not now.
    Conflict,
    /// Somebody else changed it at the same time.
    Changed,
    /// It took too long.
    Timeout,
    /// We or the log failed.
    Internal,
}

/// A refusal with Kafka Connect's text.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct HerderError {
    /// What kind.
    pub kind: HerderErrorKind,
    /// The text for the user.
    pub message: String,
}

impl HerderError {
    /// No such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::NotFound, message: message.into() }
    }
    /// The request is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::BadRequest, message: message.into() }
    }
    /// A value that cannot even be judged.
    pub fn config(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::Config, message: message.into() }
    }
    /// Not now.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::Conflict, message: message.into() }
    }
    /// Somebody else changed it at the same time.
    pub fn changed(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::Changed, message: message.into() }
    }
    /// A connector of that name exists.
    pub fn already_exists(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::AlreadyExists, message: message.into() }
    }
    /// We or the log failed.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::Internal, message: message.into() }
    }
    /// It took too long.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self { kind: HerderErrorKind::Timeout, message: message.into() }
    }
}

impl From<gantry_log::LogError> for HerderError {
    fn from(error: gantry_log::LogError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<gantry_coordination::TopicFault> for HerderError {
    fn from(error: gantry_coordination::TopicFault) -> Self {
        Self::internal(error.to_string())
    }
}
