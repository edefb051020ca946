//! What Redis says when something is wrong, and what is to be done about it.

use gantry_api::{Error, ErrorKind};
use redis::{RedisError, ServerError};

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Redis is away or cannot do it now: the same may succeed later, through another connection.
    Passing(String),
    /// Nothing helps but another configuration.
    Lasting(String),
    /// This command is refused for its own sake.
    Refused(String),
}

/// Redis is full, loads, has another master, and the like.
const PASSING: [&str; 15] = [
    "OOM",
    "LOADING",
    "BUSY",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "UNBLOCKED",
    "MOVED",
    "ASK",
    "UNKILLABLE",
    "NOGOODSLAVE",
    "FAILOVER",
];
/// Who asks is not known, or may not.
const LASTING: [&str; 6] = ["NOAUTH", "WRONGPASS", "NOPERM", "DENIED", "NOPROTO", "CROSSSLOT"];
/// Of errors without a code of their own.
const PASSING_TEXTS: [&str; 2] = ["max number of clients", "Background save"];
const LASTING_TEXTS: [&str; 6] = [
    "unknown command",
    "invalid password",
    "Client sent AUTH",
    "AUTH ",
    "DB index",
    "SELECT is not allowed",
];

impl Fault {
    /// Of one command's answer.
    pub(crate) fn of_answer(error: &ServerError) -> Self {
        Self::of_text(error.code(), error.details().unwrap_or_default())
    }

    fn of_text(code: &str, details: &str) -> Self {
        let text = format!("{code} {details}");
        let begins = |heads: &[&str]| heads.iter().any(|head| details.starts_with(head));
        if PASSING.contains(&code) || (code == "ERR" && begins(&PASSING_TEXTS)) {
            let hint = match code {
                "MOVED" | "ASK" => {
                    "; this server is a node of a cluster: the connector has to be told so"
                }
                "OOM" => "; it is full (maxmemory)",
                "READONLY" => "; it is a replica",
                _ => "",
            };
            return Self::Passing(text + hint);
        }
        if code == "ERR" && details.starts_with("unknown command") {
            return Self::Lasting(text + &of_module(details));
        }
        if LASTING.contains(&code) || (code == "ERR" && begins(&LASTING_TEXTS)) {
            return Self::Lasting(text);
        }
        Self::Refused(text)
    }

    /// Of the way there, or of what is said on the way in.
    pub(crate) fn of_error(error: &RedisError) -> Self {
        match error.kind() {
            redis::ErrorKind::AuthenticationFailed | redis::ErrorKind::InvalidClientConfig => {
                Self::Lasting(shown(error))
            }
            redis::ErrorKind::Server(_) | redis::ErrorKind::Extension => {
                let (code, detail) = (error.code().unwrap_or("ERR"), error.detail());
                Self::of_text(code, detail.unwrap_or_default())
            }
            _ => Self::Passing(shown(error)),
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Passing(text) | Self::Lasting(text) | Self::Refused(text) => text,
        }
    }

    /// As a task reports it, with the place it is of.
    pub(crate) fn error(&self, place: &str) -> Error {
        let text = format!("Redis at {place}: {}", self.text());
        match self {
            Self::Passing(_) => Error::retriable(text),
            Self::Lasting(_) => Error::connect(text),
            Self::Refused(_) => Error::new(ErrorKind::Data, text),
        }
    }
}

fn of_module(details: &str) -> String {
    let has = |name: &str| details.to_ascii_uppercase().contains(name);
    match (has("JSON."), has("TS.")) {
        (true, _) => "; this server has no JSON module: use Redis 8 or Redis Stack, or write the JSON as text with redis.type=STRING".to_owned(),
        (_, true) => "; this server has no time series module: use Redis 8 or Redis Stack, or redis.type=ZSET".to_owned(),
        _ => String::new(),
    }
}

fn shown(error: &RedisError) -> String {
    let text = error.to_string();
    match error.detail().filter(|detail| !text.contains(detail)) {
        Some(detail) => format!("{text} ({detail})"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_kind() {
        for (code, details, want) in [
            ("OOM", "command not allowed", "passing"),
            ("READONLY", "You can't write against a read only replica.", "passing"),
            ("LOADING", "Redis is loading the dataset in memory", "passing"),
            ("ERR", "max number of clients reached", "passing"),
            ("MOVED", "1 h:1", "passing"),
            ("WRONGPASS", "invalid username-password pair", "lasting"),
            ("NOAUTH", "Authentication required.", "lasting"),
            ("ERR", "unknown command 'JSON.SET', with args beginning with: 'a'", "lasting"),
            ("ERR", "DB index is out of range", "lasting"),
            ("WRONGTYPE", "Operation against a key holding the wrong kind of value", "refused"),
            ("ERR", "value is not a valid float", "refused"),
        ] {
            let found = match Fault::of_text(code, details) {
                Fault::Passing(_) => "passing",
                Fault::Lasting(_) => "lasting",
                Fault::Refused(_) => "refused",
            };
            assert_eq!(found, want, "{code} {details}");
        }
        let module = Fault::of_text("ERR", "unknown command 'JSON.SET'");
        assert!(module.text().contains("no JSON module"), "{module:?}");
    }
}
