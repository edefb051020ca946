//! Settings by the keys of Kafka Streams' `StreamsConfig`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::refused::refusal;
use super::{
    ADDRESS, BadRecords, Guarantee, Instances, MySqlStore, SESSION_TIMEOUTS, Settings, Start,
    StateStore, THREADS_MAX, is_address,
};
use crate::error::StreamsError;

/// What is kept of the properties until all of them were looked at.
pub(super) struct Reading {
    settings: Settings,
    state_dir: bool,
    /// What a record comes to that cannot be read, and the topic of dead letters.
    skips: bool,
    dead_letters: Option<String>,
    /// Whether state is in MySQL; which database, whether through TLS, and with which authorities.
    mysql: bool,
    mysql_url: Option<String>,
    mysql_tls: bool,
    mysql_ca_file: Option<String>,
}

pub(super) type Set = fn(&mut Reading, &str) -> Result<(), String>;

/// Keys that have a meaning here. Of two for the same the later one counts.
pub(super) const KEYS: [(&str, Set); 27] = [
    ("cache.max.bytes.buffering", cache_bytes),
    ("statestore.cache.max.bytes", cache_bytes),
    ("state.dir", |to, value| {
        to.state_dir = !value.is_empty();
        to.settings.state_dir = value.into();
        Ok(())
    }),
    ("num.stream.threads", |to, value| {
        to.settings.threads = number(value, 1, THREADS_MAX as u64)?;
        Ok(())
    }),
    ("commit.interval.ms", |to, value| {
        to.settings.checkpoint_interval = millis(value, 1)?;
        Ok(())
    }),
    ("processing.guarantee", |to, value| {
        to.settings.guarantee = match value {
            "exactly_once" | "exactly_once_v2" | "exactly_once_beta" => Guarantee::ExactlyOnce,
            "at_least_once" => Guarantee::AtLeastOnce,
            _ => return Err("must be exactly_once_v2 or at_least_once".to_owned()),
        };
        Ok(())
    }),
    ("auto.offset.reset", |to, value| {
        to.settings.start = match value {
            "earliest" => Start::Earliest,
            "latest" => Start::Latest,
            _ => return Err("must be earliest or latest".to_owned()),
        };
        Ok(())
    }),
    ("fetch.max.bytes", |to, value| {
        to.settings.read_bytes = number(value, 1, MAX)?;
        Ok(())
    }),
    ("session.timeout.ms", |to, value| {
        let (least, most) =
            (SESSION_TIMEOUTS.start().as_millis(), SESSION_TIMEOUTS.end().as_millis());
        let bound = |bound| u64::try_from(bound).unwrap_or(MAX);
        to.settings.session_timeout =
            Duration::from_millis(number(value, bound(least), bound(most))?);
        Ok(())
    }),
    ("gantry.status.topic", |to, value| {
        to.settings.status_topic = (!value.is_empty()).then(|| value.to_owned());
        Ok(())
    }),
    ("gantry.instances", |to, value| {
        to.settings.instances = match value {
            "auto" => Instances::ByLog,
            "several" => Instances::Several,
            "one" => Instances::One,
            _ => return Err("must be auto, several or one".to_owned()),
        };
        Ok(())
    }),
    ("application.server", |to, value| {
        to.settings.application_server = Some(address(value, 1)?);
        Ok(())
    }),
    ("gantry.http.listen", |to, value| {
        to.settings.listen = Some(address(value, 0)?);
        Ok(())
    }),
    ("max.task.idle.ms", |_, value| {
        only(
            value,
            "0",
            "a task takes what is in the log in the order of time, and waits no longer",
        )
    }),
    ("num.standby.replicas", |to, value| {
        to.settings.standby_replicas = number(value, 0, MAX)?;
        Ok(())
    }),
    ("default.deserialization.exception.handler", handler),
    ("deserialization.exception.handler", handler),
    ("errors.dead.letter.queue.topic.name", |to, value| {
        to.dead_letters = Some(topic(value)?);
        Ok(())
    }),
    ("gantry.late.records.topic", |to, value| {
        to.settings.late_records = Some(topic(value)?);
        Ok(())
    }),
    ("gantry.allowed.lateness.ms", |to, value| {
        to.settings.allowed_lateness = millis(value, 0)?;
        Ok(())
    }),
    ("gantry.idle.time.ms", |to, value| {
        to.settings.idle_time = Some(millis(value, 0)?);
        Ok(())
    }),
    ("gantry.local.storage.only", |to, value| {
        to.settings.local_storage_only = flag(value)?;
        Ok(())
    }),
    ("gantry.state.store", |to, value| {
        to.mysql = match value {
            "changelog" => false,
            "mysql" => true,
            _ => return Err("must be changelog or mysql".to_owned()),
        };
        Ok(())
    }),
    (MYSQL_URL, |to, value| {
        to.mysql_url = Some(value.to_owned());
        Ok(())
    }),
    ("gantry.state.mysql.tls", |to, value| {
        to.mysql_tls = flag(value)?;
        Ok(())
    }),
    ("gantry.state.mysql.tls.ca.file", |to, value| {
        to.mysql_ca_file = Some(value.to_owned());
        Ok(())
    }),
    ("gantry.block.cache.bytes", |to, value| {
        to.settings.block_cache_bytes = number(value, 0, MAX)?;
        Ok(())
    }),
];

const MYSQL_URL: &str = "gantry.state.mysql.url";

/// Keys of Kafka's consumers: they may stand behind these prefixes too.
const CONSUMER_KEYS: [&str; 3] = ["auto.offset.reset", "fetch.max.bytes", "session.timeout.ms"];
const CONSUMER_PREFIXES: [&str; 2] = ["main.consumer.", "consumer."];

/// What an entry of a store's cache is taken to need.
const ENTRY_BYTES: usize = 1024;
/// Sizes are below this.
const MAX: u64 = i64::MAX as u64;

fn number<T: TryFrom<u64>>(value: &str, least: u64, most: u64) -> Result<T, String> {
    let number = value.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| match most {
        MAX => format!("must be a whole number, at least {least}"),
        most => format!("must be a whole number from {least} to {most}"),
    })
}

fn millis(value: &str, least: u64) -> Result<Duration, String> {
    number(value, least, MAX).map(Duration::from_millis)
}

fn flag(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

fn only(value: &str, known: &str, why: &str) -> Result<(), String> {
    if value == known { Ok(()) } else { Err(format!("can only be {known}: {why}")) }
}

fn topic(value: &str) -> Result<String, String> {
    if value.is_empty() { Err("must name a topic".to_owned()) } else { Ok(value.to_owned()) }
}

fn address(value: &str, port_min: u16) -> Result<String, String> {
    if is_address(value, port_min) { Ok(value.to_owned()) } else { Err(ADDRESS.to_owned()) }
}

fn cache_bytes(to: &mut Reading, value: &str) -> Result<(), String> {
    let bytes: usize = number(value, ENTRY_BYTES as u64, MAX)?;
    to.settings.cache_entries = bytes / ENTRY_BYTES;
    Ok(())
}

fn handler(to: &mut Reading, value: &str) -> Result<(), String> {
    to.skips = match value.rsplit('.').next() {
        Some("LogAndFailExceptionHandler") => false,
        Some("LogAndContinueExceptionHandler") => true,
        _ => {
            let known = "must be LogAndFailExceptionHandler or LogAndContinueExceptionHandler";
            return Err(known.to_owned());
        }
    };
    Ok(())
}

/// Where a key stands among those that have a meaning.
pub(super) fn place(key: &str) -> Option<usize> {
    let rest = CONSUMER_PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix));
    let key = rest.filter(|rest| CONSUMER_KEYS.contains(rest)).unwrap_or(key);
    KEYS.iter().position(|(known, _)| *known == key)
}

impl Settings {
    /// Settings by Kafka Streams' keys, as `docs/streams.md` lists them; `state.dir` must be there.
    /// A key that cannot be obeyed is an error that says why, an unknown one an error with the
    /// nearest that is known.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use gantry_streams::Settings;
    ///
    /// let props = [("state.dir", "state"), ("num.stream.threads", "2")];
    /// let props = BTreeMap::from(props.map(|(key, value)| (key.to_owned(), value.to_owned())));
    /// assert_eq!(Settings::from_props(&props).unwrap().threads, 2);
    /// ```
    pub fn from_props(props: &BTreeMap<String, String>) -> Result<Self, StreamsError> {
        let mut reading = Reading {
            settings: Self::new(""),
            state_dir: false,
            skips: false,
            dead_letters: None,
            mysql: false,
            mysql_url: None,
            mysql_tls: false,
            mysql_ca_file: None,
        };
        let places = props.iter().map(|(key, value)| match place(key) {
            Some(at) => Ok((at, key, value)),
            None => Err(refusal(key)),
        });
        let mut places = places.collect::<Result<Vec<_>, _>>()?;
        places.sort_by_key(|(at, ..)| *at);
        for (at, key, value) in places {
            KEYS[at].1(&mut reading, value.trim()).map_err(|reason| StreamsError::Setting {
                key: key.clone(),
                value: value.clone(),
                reason,
            })?;
        }
        reading.settled()
    }
}

impl Reading {
    fn state_store(&self) -> Result<StateStore, StreamsError> {
        let fault = |key: &str, value: &str, reason: &str| {
            let (key, value) = (key.to_owned(), value.to_owned());
            Err(StreamsError::Setting { key, value, reason: reason.to_owned() })
        };
        match (self.mysql, &self.mysql_url) {
            (true, Some(url)) => {
                let store = MySqlStore::new(url);
                store.check()?;
                Ok(StateStore::MySql(match &self.mysql_ca_file {
                    Some(file) => store.with_tls_ca_file(file),
                    None if self.mysql_tls => store.with_tls(),
                    None => store,
                }))
            }
            (true, None) => {
                let reason = "needs gantry.state.mysql.url, which says which database";
                fault("gantry.state.store", "mysql", reason)
            }
            (false, Some(_)) => {
                let reason = "means nothing without gantry.state.store=mysql";
                fault(MYSQL_URL, "***", reason)
            }
            (false, None) => {
                let reason = "means nothing without gantry.state.store=mysql";
                match &self.mysql_ca_file {
                    Some(file) => fault("gantry.state.mysql.tls.ca.file", file, reason),
                    None if self.mysql_tls => fault("gantry.state.mysql.tls", "true", reason),
                    None => Ok(StateStore::ChangeLog),
                }
            }
        }
    }

    /// The settings, with what follows from several keys.
    fn settled(self) -> Result<Settings, StreamsError> {
        let store = self.state_store()?;
        let Self { mut settings, state_dir, skips, dead_letters, .. } = self;
        settings.state_store = store;
        let fault = |key: &str, value: String, reason: &str| {
            Err(StreamsError::Setting { key: key.to_owned(), value, reason: reason.to_owned() })
        };
        if !state_dir {
            let reason = "must name the directory of the job's state: one for each instance";
            return fault("state.dir", String::new(), reason);
        }
        settings.bad_records = match (skips, dead_letters) {
            (true, Some(topic)) => BadRecords::DeadLetter(topic),
            (true, None) => BadRecords::Skip,
            (false, None) => BadRecords::Stop,
            (false, Some(topic)) => {
                let reason = "a job that stops at such a record has no dead letters: set deserialization.exception.handler to LogAndContinueExceptionHandler";
                return fault("errors.dead.letter.queue.topic.name", topic, reason);
            }
        };
        Ok(settings)
    }
}
