//! Keys that sources and sinks share.

use std::time::Duration;

use gantry_api::model::config::ParsedConfig;
use gantry_api::{ConfigKey, Error, Importance, Props, Result, Type, Validator};

use super::Flavour;
use super::db::{Access, Connecting, Dialect, Quoting, Session, Target};
use super::zone::Zone;
pub(super) use crate::keys::{Keys, enumeration, invalid, list_of, text_of};

pub(super) const URL: &str = "connection.url";
pub(super) const ZONE: &str = "db.timezone";
const QUOTING: &str = "quote.sql.identifiers";
const AIVENS_QUOTING: &str = "sql.quote.identifiers";
const USER: &str = "connection.user";
const PASSWORD: &str = "connection.password";
const CREDENTIALS: &str = "jdbc.credentials.provider.class";
const CREDENTIALS_DEFAULT: &str = "io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider";
const ATTEMPTS: &str = "connection.attempts";
const BACKOFF: &str = "connection.backoff.ms";
const DIALECT: &str = "dialect.name";
const ATTEMPTS_DEFAULT: i32 = 3;
const BACKOFF_DEFAULT_MS: i64 = 10_000;

/// Where the database is.
pub(super) fn connection(keys: &mut Keys, flavour: Flavour, dependents: &[&str]) {
    let (high, low) = (Importance::High, Importance::Low);
    let text = "The database: jdbc:mysql://host/database, jdbc:mariadb://…, jdbc:postgresql://… or jdbc:sqlite:file.";
    let required = flavour == Flavour::Aiven || dependents.is_empty();
    let key = match required {
        true => ConfigKey::required(URL, Type::String, high, text),
        false => ConfigKey::new(URL, Type::String, "", high, text),
    };
    keys.put(key.dependents(dependents));
    keys.null(USER, Type::String, high, "Who asks.");
    keys.null(PASSWORD, Type::Password, high, "The password of connection.user.");
    if flavour == Flavour::Confluent {
        let text = "Who knows user and password: only the keys connection.user and connection.password here; \
                    other places by the worker's config providers.";
        keys.add_valid(
            CREDENTIALS,
            Type::String,
            CREDENTIALS_DEFAULT,
            low,
            text,
            Validator::one_of(&[CREDENTIALS_DEFAULT]),
        );
    }
    if flavour == Flavour::Confluent || !dependents.is_empty() {
        let text = "How often it is tried to connect.";
        keys.add_valid(ATTEMPTS, Type::Int, ATTEMPTS_DEFAULT, low, text, Validator::at_least(1));
        let text = "How long it is waited between two tries to connect.";
        keys.add_valid(BACKOFF, Type::Long, BACKOFF_DEFAULT_MS, low, text, Validator::at_least(0));
    }
}

/// Which SQL the database speaks.
pub(super) fn dialect(keys: &mut Keys, how: Importance) {
    let names = ["", "MySqlDatabaseDialect", "PostgreSqlDatabaseDialect", "SqliteDatabaseDialect"];
    let text = "The dialect, which must be that of connection.url; not set: by connection.url.";
    keys.add_valid(DIALECT, Type::String, "", how, text, Validator::one_of(&names));
}

/// The zone of the database's clocks.
pub(super) fn zone(keys: &mut Keys, how: Importance) {
    let check = Validator::custom(|_, value| Zone::parse(text_of(value)).map(|_| ()));
    let text = "The time zone that times without a zone are in.";
    keys.add_valid(ZONE, Type::String, "UTC", how, text, check);
}

/// Whether names stand in quotes.
pub(super) fn quoting(keys: &mut Keys, flavour: Flavour, how: Importance) {
    let text = "Whether names stand in quotes in SQL";
    match flavour {
        Flavour::Confluent => {
            let check = Validator::CaseInsensitiveValidString(vec![
                "always".to_owned(),
                "never".to_owned(),
            ]);
            let text = format!("{text}: always, never.");
            keys.add_valid(QUOTING, Type::String, "ALWAYS", how, &text, check);
        }
        Flavour::Aiven => {
            keys.add(AIVENS_QUOTING, Type::Boolean, true, how, &format!("{text}."));
        }
    }
}

/// Reads whether names stand in quotes.
pub(super) fn read_quoting(
    flavour: Flavour,
    config: &ParsedConfig,
    dialect: Dialect,
) -> Result<Quoting> {
    match flavour {
        Flavour::Confluent => Quoting::parse(dialect, config.string(QUOTING).unwrap_or("ALWAYS")),
        Flavour::Aiven => Ok(Quoting { dialect, always: config.boolean(AIVENS_QUOTING) }),
    }
}

/// The calendar of old dates.
pub(super) fn calendar(keys: &mut Keys, how: Importance) {
    let text =
        "No effect: dates before 1582 are in the Gregorian calendar, too (PROLEPTIC_GREGORIAN).";
    let words = Validator::one_of(&["LEGACY", "PROLEPTIC_GREGORIAN"]);
    keys.add_valid("date.calendar.system", Type::String, "LEGACY", how, text, words);
}

/// A connection for a check of the keys; the error is for `connection.url`.
pub(super) fn connected(access: Result<Access>) -> std::result::Result<Box<dyn Session>, String> {
    let access = access.map_err(|error| error.message().to_owned())?;
    access.open_soon().map_err(|error| format!("Could not connect to database. {error}"))
}

/// Reads where the database is.
pub(super) fn connecting(
    flavour: Flavour,
    config: &ParsedConfig,
    props: &Props,
) -> Result<Connecting> {
    let mut target = Target::parse(config.string(URL).unwrap_or_default())?;
    let dialect = config.string(DIALECT).unwrap_or_default();
    if !dialect.is_empty() && dialect != target.dialect.name() {
        return Err(Error::config(format!(
            "Invalid value {dialect} for configuration {DIALECT}: {URL} is of {}; remove {DIALECT}",
            target.dialect.name()
        )));
    }
    if flavour == Flavour::Confluent {
        // All other keys of a connection are the driver's.
        let known = [URL, USER, PASSWORD, ATTEMPTS, BACKOFF];
        let others = props.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        for (name, value) in others {
            if let Some(name) = name.strip_prefix("connection.") {
                target.params.insert(name.to_ascii_lowercase(), value.clone());
            }
        }
    }
    let given = |name: &str| config.string(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let number = |name: &str, default: i64| config.long(name).unwrap_or(default);
    Ok(Connecting {
        access: Access { target, user: given(USER), password: given(PASSWORD) },
        attempts: number(ATTEMPTS, i64::from(ATTEMPTS_DEFAULT)),
        backoff: Duration::from_millis(
            u64::try_from(number(BACKOFF, BACKOFF_DEFAULT_MS)).unwrap_or(0),
        ),
    })
}
