//! What a request comes to when it is not answered as asked.

use gantry_log::{LogError, Str};
use rocketmq_protocol::code::response_code::ResponseCode;

/// Why a request was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody answers there.
    #[error("cannot connect to {addr}: {reason}")]
    Connect { addr: Str, reason: Str },
    /// Whether it was done nobody knows.
    #[error("the connection to {addr} was lost: {reason}")]
    Lost { addr: Str, reason: Str },
    /// Whether it was done nobody knows.
    #[error("{addr} did not answer within {timeout_ms} ms")]
    Timeout { addr: Str, timeout_ms: u64 },
    /// It was refused.
    #[error("{addr} refused: {remark} (code {code})")]
    Refused { addr: Str, code: i32, remark: Str },
    /// The answer cannot be understood.
    #[error("{addr} gave an answer that cannot be read: {reason}")]
    Answer { addr: Str, reason: Str },
    /// No name server answers.
    #[error("no name server answers; the last that was tried: {0}")]
    NoNameServer(Str),
    /// No broker serves what is asked for.
    #[error("{0}")]
    NoBroker(Str),
}

impl CallError {
    /// Whether the code says that a topic is not there.
    pub(crate) fn is(&self, code: ResponseCode) -> bool {
        matches!(self, Self::Refused { code: told, .. } if *told == i32::from(code))
    }

    /// Whether it is sure that a message was not stored.
    pub(crate) fn is_sure(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::NoNameServer(_) | Self::NoBroker(_) => true,
            // Brokers refuse with these before they look at what they are sent.
            Self::Refused { .. } => [
                ResponseCode::SystemBusy,
                ResponseCode::FlowControl,
                ResponseCode::NotLeaderForQueue,
                ResponseCode::ServiceNotAvailable,
            ]
            .into_iter()
            .any(|before| self.is(before)),
            Self::Lost { .. } | Self::Timeout { .. } | Self::Answer { .. } => false,
        }
    }

    /// Whether the same request may be done later.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            Self::Refused { .. } => [
                ResponseCode::SystemError,
                ResponseCode::SystemBusy,
                ResponseCode::FlushDiskTimeout,
                ResponseCode::SlaveNotAvailable,
                ResponseCode::FlushSlaveTimeout,
                ResponseCode::ServiceNotAvailable,
                ResponseCode::NotLeaderForQueue,
                ResponseCode::FlowControl,
                ResponseCode::GoAway,
            ]
            .into_iter()
            .any(|passing| self.is(passing)),
            Self::Answer { .. } => false,
            _ => true,
        }
    }
}

impl From<CallError> for LogError {
    fn from(error: CallError) -> Self {
        let denied = error.is(ResponseCode::NoPermission);
        let text = match denied {
            true => format!(
                "{error}: check gantry.rocketmq.access.key, gantry.rocketmq.secret.key and the \
                 permissions of topics and brokers"
            ),
            false => error.to_string(),
        };
        match denied || error.is_retriable() {
            // A permission may be granted, so that what waits for it goes on.
            true => Self::Unavailable(text.into()),
            false => Self::Refused(text.into()),
        }
    }
}
