//! Keys that sinks and sources share.

use std::path::PathBuf;
use std::time::Duration;

use gantry_api::model::config::{ConfigData, ConfigValue, ParsedConfig};
use gantry_api::{Error, Importance, Type, Validator};
use gantry_tls::ServerProof;

use super::client::{Files, Mode, Password, Place, Tls, Uri};
use crate::keys::{Keys, invalid};

pub(super) const URI: &str = "redis.uri";
pub(super) const CLUSTER: &str = "redis.cluster";
pub(super) const CLUSTER_ENABLED: &str = "redis.cluster.enabled";
const HOST: &str = "redis.host";
const REDIS_PORT: &str = "redis.port";
const TLS: &str = "redis.tls";
const INSECURE: &str = "redis.insecure";
const PASSWORD: &str = "redis.password";
const USERNAME: &str = "redis.username";
const TIMEOUT: &str = "redis.timeout";
const KEY_FILE: &str = "redis.key.file";
const KEY_CERT: &str = "redis.key.cert";
const KEY_PASSWORD: &str = "redis.key.password";
const CACERT: &str = "redis.cacert";
const TIMEOUT_DEFAULT_S: i64 = 60;
const POOL_DEFAULT: i32 = 8;
/// As lettuce waits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is wrong with the value of a key.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) key: &'static str,
    pub(super) text: String,
}

impl Wrong {
    /// In the words of Java's `ConfigException` of a key and its value; a secret is not shown.
    pub(super) fn of(config: &ParsedConfig, key: &'static str, what: &str) -> Self {
        let text = match config.get(key) {
            ConfigData::Password(_) => {
                format!("Invalid value [hidden] for configuration {key}: {what}")
            }
            value => invalid(key, value, what).message().to_owned(),
        };
        Self { key, text }
    }
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        Self::config(wrong.text)
    }
}

/// Adds what a look at all keys together has found, unless single keys are wrong already.
pub(super) fn report<T>(
    findings: &mut [ConfigValue],
    parse: impl FnOnce() -> gantry_api::Result<Result<T, Wrong>>,
) {
    if findings.iter().any(|value| !value.errors.is_empty()) {
        return;
    }
    if let Ok(Err(wrong)) = parse()
        && let Some(value) = findings.iter_mut().find(|value| value.name == wrong.key)
    {
        value.errors.push(wrong.text);
    }
}

/// A rule for texts of URIs, whose passwords are not shown; empty is none.
fn uri_rule() -> Validator {
    Validator::custom(|name, value| {
        let (ConfigData::String(text) | ConfigData::Password(text)) = value else { return Ok(()) };
        if text.is_empty() {
            return Ok(());
        }
        Uri::parse(text).map(|_| ()).map_err(|what| {
            let shown = ConfigData::String("[hidden]".to_owned());
            invalid(name, &shown, &what)
        })
    })
}

/// Keys of all of Redis' own connectors: where Redis is.
pub(super) fn redis(keys: &mut Keys) {
    use Importance::{High, Medium};
    let (text, flag) = (Type::String, Type::Boolean);
    keys.add(CLUSTER, flag, false, Medium, "Whether Redis is a cluster.");
    keys.add(HOST, text, "localhost", High, "The host of Redis; redis.uri goes before it.");
    keys.add(REDIS_PORT, Type::Int, 6379, High, "The port of Redis; redis.uri goes before it.");
    let doc = "Where Redis is: redis://user:password@host:port/database, rediss:// through TLS, redis-sentinel://host:port,…#master.";
    keys.add_valid(URI, text, "", Medium, doc, uri_rule());
    keys.add(
        TLS,
        flag,
        false,
        Medium,
        "Whether to connect through TLS, as rediss:// in redis.uri does.",
    );
    let doc =
        "Whether any certificate of the server is taken: then who listens in is not found out.";
    keys.add(INSECURE, flag, false, Medium, doc);
    let doc = "The password; that in redis.uri is for when this is empty.";
    keys.add(PASSWORD, Type::Password, "", Medium, doc);
    keys.add(USERNAME, text, "", Medium, "The user of redis.password; empty is the default user.");
    let doc = "How many seconds an answer may take; 0 is without limit.";
    let positive = Validator::at_least(0);
    keys.add_valid(TIMEOUT, Type::Long, TIMEOUT_DEFAULT_S, Medium, doc, positive);
    let doc = "No effect: a task has one connection, through which many commands run at a time.";
    keys.add("redis.pool", Type::Int, POOL_DEFAULT, Medium, doc);
    keys.add(KEY_FILE, text, "", Medium, "The client's private key, a file in PEM.");
    keys.add(KEY_CERT, text, "", Medium, "The certificates of redis.key.file, a file in PEM.");
    keys.add(KEY_PASSWORD, Type::Password, "", Medium, "What opens redis.key.file.");
    keys.add(
        CACERT,
        text,
        "",
        Medium,
        "Who is trusted, a file in PEM; empty: whom the system trusts.",
    );
}

/// Keys of all of jaredpetersen's connectors.
pub(super) fn petersen(keys: &mut Keys) {
    let doc = "Where Redis is: redis://user:password@host:port/database, rediss:// through TLS, redis-sentinel://host:port,…#master.";
    let filled = Validator::custom(|name, value| match value {
        ConfigData::Password(text) if text.is_empty() => {
            Err(invalid(name, value, "it must not be empty"))
        }
        _ => Ok(()),
    });
    let rule = Validator::All(vec![filled, uri_rule()]);
    keys.required_valid(URI, Type::Password, Importance::High, doc, rule);
    let doc = "Whether Redis is a cluster.";
    keys.add(CLUSTER_ENABLED, Type::Boolean, false, Importance::High, doc);
}

/// A text that is not empty.
pub(super) fn given<'a>(config: &'a ParsedConfig, name: &str) -> Option<&'a str> {
    config.string(name).filter(|text| !text.is_empty())
}

pub(super) fn millis(config: &ParsedConfig, name: &str) -> Duration {
    Duration::from_millis(config.long(name).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0))
}

/// Where Redis is by the keys of Redis' own connectors.
pub(super) fn redis_place(config: &ParsedConfig) -> Result<Place, Wrong> {
    let mut place = match given(config, URI) {
        Some(text) => of_uri(config, text, config.boolean(CLUSTER), CLUSTER)?,
        None => {
            let port = config.long(REDIS_PORT).and_then(|port| u16::try_from(port).ok());
            let port = port.filter(|port| *port != 0);
            let port =
                port.ok_or_else(|| Wrong::of(config, REDIS_PORT, "it must be 1 to 65535"))?;
            let mode = if config.boolean(CLUSTER) { Mode::Cluster } else { Mode::Single };
            place(vec![(given(config, HOST).unwrap_or("localhost").to_owned(), port)], mode)
        }
    };
    if let Some(password) = given(config, PASSWORD) {
        place.password = Some(Password(password.to_owned()));
        place.user = given(config, USERNAME).map(str::to_owned);
    }
    let seconds = config.long(TIMEOUT).unwrap_or(TIMEOUT_DEFAULT_S);
    let seconds = u64::try_from(seconds).unwrap_or(0);
    place.answer_timeout = (seconds > 0).then(|| Duration::from_secs(seconds));
    if config.boolean(TLS) || place.tls.is_some() {
        let from_uri = place.tls.take().map_or(ServerProof::Host, |tls| tls.proof);
        let proof = if config.boolean(INSECURE) { ServerProof::None } else { from_uri };
        place.tls = Some(redis_tls(config, proof)?);
    }
    if place.mode == Mode::Cluster && place.tls.is_some() && given(config, KEY_PASSWORD).is_some() {
        return Err(Wrong::of(
            config,
            KEY_PASSWORD,
            "with redis.cluster=true the key must not need a password: decrypt the file",
        ));
    }
    Ok(place)
}

fn redis_tls(config: &ParsedConfig, proof: ServerProof) -> Result<Tls, Wrong> {
    let identity = match (given(config, KEY_FILE), given(config, KEY_CERT)) {
        (None, _) => None,
        (Some(key), Some(chain)) => {
            let password = given(config, KEY_PASSWORD).map(|text| Password(text.to_owned()));
            Some((PathBuf::from(chain), PathBuf::from(key), password))
        }
        (Some(_), None) => {
            return Err(Wrong::of(
                config,
                KEY_CERT,
                "redis.key.file needs its certificates; name their file",
            ));
        }
    };
    Ok(Tls {
        proof,
        own: Files::Pem { authorities: given(config, CACERT).map(PathBuf::from), identity },
    })
}

/// Where Redis is by the keys of jaredpetersen's connectors.
pub(super) fn petersen_place(config: &ParsedConfig) -> Result<Place, Wrong> {
    let text = given(config, URI).unwrap_or_default();
    of_uri(config, text, config.boolean(CLUSTER_ENABLED), CLUSTER_ENABLED)
}

fn of_uri(
    config: &ParsedConfig,
    text: &str,
    is_cluster: bool,
    cluster: &'static str,
) -> Result<Place, Wrong> {
    let hidden = |what: &str| Wrong {
        key: URI,
        text: format!("Invalid value [hidden] for configuration {URI}: {what}"),
    };
    let uri = Uri::parse(text).map_err(|what| hidden(&what))?;
    let mode = match (is_cluster, uri.master) {
        (true, Some(_)) => {
            return Err(Wrong::of(config, cluster, "redis-sentinel:// is of no cluster"));
        }
        (true, None) => Mode::Cluster,
        (false, Some(master)) => Mode::Sentinel(master),
        (false, None) => Mode::Single,
    };
    let proof = match uri.verify.as_deref() {
        None | Some("FULL" | "TRUE") => ServerProof::Host,
        Some("CA") => ServerProof::Authority,
        Some("NONE" | "FALSE") => ServerProof::None,
        Some(other) => {
            return Err(hidden(&format!("verifyPeer={other}: it must be FULL, CA or NONE")));
        }
    };
    let mut place = place(uri.hosts, mode);
    (place.user, place.password, place.database) = (uri.user, uri.password, uri.database);
    let own = Files::Pem { authorities: None, identity: None };
    place.tls = uri.is_tls.then_some(Tls { proof, own });
    if let Some(timeout) = uri.timeout {
        place.answer_timeout = (!timeout.is_zero()).then_some(timeout);
    }
    Ok(place)
}

fn place(hosts: Vec<(String, u16)>, mode: Mode) -> Place {
    Place {
        hosts,
        mode,
        user: None,
        password: None,
        database: 0,
        tls: None,
        connect_timeout: CONNECT_TIMEOUT,
        answer_timeout: Some(Duration::from_secs(60)),
        no_delay: true,
        keep_alive: false,
    }
}
