//! The keys of jcustenborder's sink.

use std::sync::Arc;

use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::{ConfigDef, Importance, Props, Result, Type, Validator};
use gantry_tls::ServerProof;

use super::super::charset::Charset;
use super::super::client::{Files, Mode, PORT, Password, Place, Store, Tls, parse_hosts};
use super::super::keys::{Wrong, given, millis};
use super::config::{Attempts, Config, EXACTLY_ONCE, Shape, own};
use crate::keys::{Keys, invalid};

const HOSTS: &str = "redis.hosts";
const MODE: &str = "redis.client.mode";
const SSL: &str = "redis.ssl.enabled";
const PASSWORD: &str = "redis.password";
const DATABASE: &str = "redis.database";
const AUTO_RECONNECT: &str = "redis.auto.reconnect.enabled";
const NO_DELAY: &str = "redis.socket.tcp.no.delay.enabled";
const KEEP_ALIVE: &str = "redis.socket.keep.alive.enabled";
const CONNECT_TIMEOUT: &str = "redis.socket.connect.timeout.ms";
const KEY_STORE: &str = "redis.ssl.keystore.path";
const KEY_STORE_PASSWORD: &str = "redis.ssl.keystore.password";
const TRUST_STORE: &str = "redis.ssl.truststore.path";
const TRUST_STORE_PASSWORD: &str = "redis.ssl.truststore.password";
const ATTEMPTS: &str = "redis.connection.attempts";
const RETRY_DELAY: &str = "redis.connection.retry.delay.ms";
const OPERATION_TIMEOUT: &str = "redis.operation.timeout.ms";
const CHARSET: &str = "redis.charset";

/// All keys.
pub(in super::super) fn definition() -> ConfigDef {
    use Importance::{High, Low, Medium};
    let (text, flag, int) = (Type::String, Type::Boolean, Type::Int);
    let mut keys = Keys::new("Redis");
    let hosts = ConfigData::List(vec!["localhost:6379".to_owned()]);
    let rule = Validator::custom(|name, value| {
        let ConfigData::List(list) = value else { return Ok(()) };
        let parsed = parse_hosts(list.iter().map(String::as_str), PORT);
        parsed.map(|_| ()).map_err(|what| invalid(name, value, &what))
    });
    let doc = "Hosts and ports of Redis: of a cluster several, else the first counts.";
    keys.add_valid(HOSTS, Type::List, hosts, High, doc, rule);
    let modes = Validator::one_of(&["Standalone", "Cluster"]);
    let doc = "Whether Redis is one server (Standalone) or a Cluster.";
    keys.add_valid(MODE, text, "Standalone", Medium, doc, modes);
    keys.add(SSL, flag, false, Medium, "Whether to connect through TLS.");
    keys.add(PASSWORD, Type::Password, "", Medium, "The password of Redis.");
    let doc = "The number of the database; a cluster has 0 only, whatever stands here.";
    keys.add_valid(DATABASE, int, 1, Medium, doc, Validator::at_least(0));
    let doc = "No effect but for false, which is refused: a connection that broke is always opened again.";
    let only = Validator::custom(|name, value| match value {
        ConfigData::Boolean(false) => {
            Err(invalid(name, value, "a connection that broke is always opened again; remove it"))
        }
        _ => Ok(()),
    });
    keys.add_valid(AUTO_RECONNECT, flag, true, Low, doc, only);
    let doc = "No effect: a batch goes in parts of at most 1000 commands or 1 MiB.";
    keys.add("redis.request.queue.size", int, i32::MAX, Low, doc);
    sockets(&mut keys);
    let doc = "How often it is tried to connect when a task starts.";
    keys.add_valid(ATTEMPTS, int, 3, Medium, doc, Validator::at_least(1));
    let doc = "How long it is waited between two tries to connect.";
    keys.add_valid(RETRY_DELAY, int, 2000, Medium, doc, Validator::at_least(100));
    let doc = "How long an answer may take.";
    keys.add_valid(
        OPERATION_TIMEOUT,
        Type::Long,
        10_000_i64,
        Medium,
        doc,
        Validator::at_least(100),
    );
    let rule = Validator::custom(|name, value| {
        let ConfigData::String(text) = value else { return Ok(()) };
        Charset::parse(text).map(|_| ()).map_err(|what| invalid(name, value, &what))
    });
    let doc = "The character set of keys and values that are strings.";
    keys.add_valid(CHARSET, text, "UTF-8", Low, doc, rule);
    own(&mut keys);
    keys.done()
}

/// Of TCP and TLS.
fn sockets(keys: &mut Keys) {
    use Importance::{Low, Medium};
    let (text, flag, int) = (Type::String, Type::Boolean, Type::Int);
    keys.add(NO_DELAY, flag, true, Low, "Whether TCP sends small parts at once.");
    keys.add(
        KEEP_ALIVE,
        flag,
        false,
        Low,
        "Whether TCP looks whether the other side is still there.",
    );
    let doc = "How long it may take to connect.";
    keys.add_valid(CONNECT_TIMEOUT, int, 10_000, Low, doc, Validator::at_least(1));
    let doc = "No effect: TLS is that of this program.";
    keys.add_valid(
        "redis.ssl.provider",
        text,
        "JDK",
        Low,
        doc,
        Validator::one_of(&["OPENSSL", "JDK"]),
    );
    keys.add(KEY_STORE, text, "", Medium, "The client's key, a file of JKS or PKCS12.");
    keys.add(KEY_STORE_PASSWORD, Type::Password, "", Medium, "What opens redis.ssl.keystore.path.");
    let doc = "Who is trusted, a file of JKS or PKCS12; empty: whom the system trusts.";
    keys.add(TRUST_STORE, text, "", Medium, doc);
    keys.add(
        TRUST_STORE_PASSWORD,
        Type::Password,
        "",
        Medium,
        "What opens redis.ssl.truststore.path.",
    );
}

pub(super) fn read(props: &Props) -> Result<Result<Config, Wrong>> {
    Ok(of(&definition().parse(props)?))
}

fn of(config: &ParsedConfig) -> Result<Config, Wrong> {
    let hosts = parse_hosts(config.list(HOSTS).iter().map(String::as_str), PORT)
        .map_err(|what| Wrong::of(config, HOSTS, &what))?;
    let is_cluster = config.string(MODE) == Some("Cluster");
    let charset = Charset::parse(config.string(CHARSET).unwrap_or("UTF-8"))
        .map_err(|what| Wrong::of(config, CHARSET, &what))?;
    let place = Place {
        hosts,
        mode: if is_cluster { Mode::Cluster } else { Mode::Single },
        user: None,
        password: given(config, PASSWORD).map(|text| Password(text.to_owned())),
        database: if is_cluster { 0 } else { config.long(DATABASE).unwrap_or(1) },
        tls: tls(config, is_cluster)?,
        connect_timeout: millis(config, CONNECT_TIMEOUT),
        answer_timeout: Some(millis(config, OPERATION_TIMEOUT)),
        no_delay: config.boolean(NO_DELAY),
        keep_alive: config.boolean(KEEP_ALIVE),
    };
    let count = config.long(ATTEMPTS).and_then(|count| u32::try_from(count).ok()).unwrap_or(3);
    let made = Config {
        place: Arc::new(place),
        charset,
        shape: Shape::Plain,
        offsets: Some("__kafka.offset."),
        is_exact: config.boolean(EXACTLY_ONCE),
        is_atomic: false,
        replicas: None,
        attempts: Some(Attempts { count, delay: millis(config, RETRY_DELAY) }),
    };
    made.check_cluster()?;
    Ok(made)
}

fn tls(config: &ParsedConfig, is_cluster: bool) -> Result<Option<Tls>, Wrong> {
    if !config.boolean(SSL) {
        return Ok(None);
    }
    let store = |prefix, path: &str, password: &str| Store {
        prefix,
        file: given(config, path).map(str::to_owned),
        password: given(config, password).map(|text| Password(text.to_owned())),
    };
    let key = store("redis.ssl.keystore.", KEY_STORE, KEY_STORE_PASSWORD);
    let trust = store("redis.ssl.truststore.", TRUST_STORE, TRUST_STORE_PASSWORD);
    let own = match is_cluster {
        false => Files::Stores { trust, key },
        true => {
            for (name, store) in [(KEY_STORE, &key), (TRUST_STORE, &trust)] {
                if store.file.is_some() {
                    return Err(Wrong::of(
                        config,
                        name,
                        "with redis.client.mode=Cluster Java's stores are not read: remove it and have the system trust the server's authority, or use com.redis.kafka.connect.RedisSinkConnector with redis.cacert",
                    ));
                }
            }
            Files::Pem { authorities: None, identity: None }
        }
    };
    Ok(Some(Tls { proof: ServerProof::Host, own }))
}
