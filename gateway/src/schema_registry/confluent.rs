//! A configuration file of Confluent's schema registry, in worker keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gantry_api::Props;

use crate::worker_config::{
    AuthSource, REGISTRY_LISTENERS, REGISTRY_TOPIC, RIGHTS_FILE, jaas_named_in,
};

/// Where Confluent's registry listens when its file does not say.
const LISTENERS_DEFAULT: &str = "http://0.0.0.0:8081";
/// Variables of the environment that name the JAAS file, as options of Java.
const JAAS_VARIABLES: [&str; 2] = ["SCHEMA_REGISTRY_OPTS", "KAFKA_OPTS"];
/// The worker key that names it.
const JAAS: &str = "gantry.rest.jaas.config";
const REALM: &str = "gantry.schema.registry.realm";
const LEVEL: &str = "gantry.schema.registry.compatibility.level";

/// Keys that have another name here; of two with one meaning the later one counts.
const RENAMED: [(&str, &str); 6] = [
    ("listeners", REGISTRY_LISTENERS),
    ("kafkastore.topic", REGISTRY_TOPIC),
    ("avro.compatibility.level", LEVEL),
    ("schema.compatibility.level", LEVEL),
    ("mode.mutability", "gantry.schema.registry.mode.mutability"),
    ("authentication.realm", REALM),
];

/// What keys of Kafka as the storage begin with.
const STORAGE: [&str; 2] = ["kafkastore.", "kafkagroup."];

/// What keys begin with whose meaning has no counterpart here.
const WITHOUT_EFFECT: [&str; 43] = [
    "access.control.allow.headers",
    "access.control.skip.options",
    "authentication.skip.paths",
    "compression.enable",
    "confluent.",
    "context.search.",
    "csrf.",
    "debug",
    "enable.fips",
    "host.name",
    "host.port",
    "http2.enabled",
    "idle.timeout.ms",
    "init.resource.extension.class",
    "inter.instance.",
    "leader.",
    "listener.protocol.map",
    "master.eligibility",
    "max.",
    "metadata.encoder.",
    "metric.",
    "metrics.",
    "port",
    "request.",
    "resource.extension.class",
    "resource.static.locations",
    "response.mediatype.",
    "rest.servlet.",
    "schema.cache.",
    "schema.canonicalize.on.consume",
    "schema.linking.",
    "schema.providers.",
    "schema.registry.",
    "schema.reject.empty.subject",
    "schema.search.",
    "schema.validate.",
    "server.connection.limit",
    "shutdown.graceful.ms",
    "size.limit.",
    "subject.",
    "thread.pool.",
    "throttle.",
    "websocket.",
];

/// What names classes that may be put in front of every request.
const EXTENSIONS: [&str; 4] = [
    "init.resource.extension.class",
    "resource.extension.class",
    "resource.extension.classes",
    "schema.registry.resource.extension.class",
];
/// Extensions that keep nobody out: what they add is not there, or is there without them.
const HARMLESS: [&str; 5] = [
    "io.confluent.dekregistry.DekRegistryResourceExtension",
    "io.confluent.kafka.schemaregistry.rulehandler.RuleSetResourceExtension",
    "io.confluent.kafka.schemaregistry.security.SchemaRegistryFipsResourceExtension",
    "io.confluent.schema.exporter.SchemaExporterResourceExtension",
    "io.confluent.schema.importer.SchemaImporterResourceExtension",
];
/// What other keys begin with that say who is let in, or who may do what.
const GUARDS: [&str; 3] = [
    "confluent.schema.registry.auth",
    "rest.servlet.initializor.classes",
    "websocket.servlet.initializor.classes",
];

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Translated {
    /// In worker keys.
    pub(super) keys: Props,
    /// Who is let in by a password, if somebody is asked for one.
    pub(super) auth: Option<AuthSource>,
    /// What has no meaning here.
    pub(super) warnings: Vec<String>,
}

/// Translates. The error names key and remedy.
pub(super) fn translate(
    file: &Props,
    environment: &BTreeMap<String, String>,
) -> Result<Translated, String> {
    let mut translated = Translated::default();
    let (mut storage, mut idle) = (Vec::new(), Vec::new());
    for (key, value) in file {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| key.starts_with(prefix));
        if RENAMED.iter().any(|(theirs, _)| theirs == key) {
            continue;
        } else if begins(&STORAGE) {
            storage.push(key.as_str());
        } else if begins(&WITHOUT_EFFECT) {
            idle.push(key.as_str());
        } else if !key.starts_with("authentication.") && !key.starts_with("ssl.client.auth") {
            translated.keys.insert(key.clone(), value.clone());
        }
    }
    for (theirs, ours) in RENAMED {
        if let Some(value) = file.get(theirs)
            && !file.contains_key(ours)
        {
            translated.keys.insert(ours.to_owned(), value.clone());
        }
    }
    let has_listeners = translated.keys.contains_key(REGISTRY_LISTENERS);
    if !has_listeners {
        translated.keys.insert(REGISTRY_LISTENERS.to_owned(), LISTENERS_DEFAULT.to_owned());
    }
    if let Some(auth) = client_auth(file)? {
        translated.keys.insert("ssl.client.auth".to_owned(), auth);
    }
    check_guards(file)?;
    translated.auth = auth(file, environment)?;
    if !storage.is_empty() {
        translated.warnings.push(format!(
            "keys of Kafka, which keeps no schemas here, have no effect: {}. Schemas are in the \
             embedded log of gantry.data.dir, or on RocketMQ (--namesrv)",
            storage.join(", ")
        ));
    }
    if !idle.is_empty() {
        translated.warnings.push(format!("keys without effect here: {}", idle.join(", ")));
    }
    Ok(translated)
}

fn given<'a>(file: &'a Props, key: &str) -> Option<&'a str> {
    file.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
}

/// Whether clients show a certificate: in words, or as the older key has it.
fn client_auth(file: &Props) -> Result<Option<String>, String> {
    let newer = "ssl.client.authentication";
    let (key, value) = match (given(file, newer), given(file, "ssl.client.auth")) {
        (Some(value), _) => (newer, value),
        (None, Some(value)) => ("ssl.client.auth", value),
        (None, None) => return Ok(None),
    };
    let value = value.to_ascii_lowercase();
    match value.as_str() {
        "true" => Ok(Some("required".to_owned())),
        "false" => Ok(Some("none".to_owned())),
        "none" | "requested" | "required" => Ok(Some(value)),
        _ => Err(format!(
            "Invalid value {value} for configuration {key}: write NONE, REQUESTED or REQUIRED"
        )),
    }
}

/// Who names a class that guards the registry believes that it is guarded.
fn check_guards(file: &Props) -> Result<(), String> {
    if given(file, RIGHTS_FILE).is_some() {
        return Ok(());
    }
    for key in file.keys() {
        let Some(value) = given(file, key) else { continue };
        let mut classes = value.split(',').map(str::trim).filter(|class| !class.is_empty());
        let guard = if EXTENSIONS.contains(&key.as_str()) {
            classes.find(|class| !HARMLESS.contains(class))
        } else {
            GUARDS.iter().any(|guard| key.starts_with(guard)).then_some(value)
        };
        if let Some(guard) = guard {
            return Err(format!(
                "{key} has {guard}, which may say who is let in or who may do what, and no Java \
                 class runs here: nobody would be kept out. Write users and rights into a file and \
                 set {RIGHTS_FILE}, or take {guard} out if it guards nothing"
            ));
        }
    }
    Ok(())
}

fn auth(
    file: &Props,
    environment: &BTreeMap<String, String>,
) -> Result<Option<AuthSource>, String> {
    let method = given(file, "authentication.method").unwrap_or("NONE");
    let has_rights = given(file, RIGHTS_FILE).is_some();
    let variables = JAAS_VARIABLES.iter().filter_map(|name| environment.get(*name));
    let jaas = given(file, JAAS).map(str::to_owned);
    let jaas = jaas.or_else(|| variables.into_iter().find_map(|options| jaas_named_in(options)));
    match (method.to_ascii_uppercase().as_str(), jaas) {
        ("NONE", _) => Ok(None),
        ("BASIC", Some(jaas)) => {
            let realm = given(file, "authentication.realm").or_else(|| given(file, REALM));
            let realm = realm.ok_or(
                "authentication.method=BASIC needs authentication.realm, the section of the JAAS \
                 file that names the file of users",
            )?;
            let roles = given(file, "authentication.roles").unwrap_or("*");
            let roles = roles.split(',').map(|role| role.trim().to_owned());
            Ok(Some(AuthSource::Confluent {
                jaas: PathBuf::from(jaas),
                realm: realm.to_owned(),
                roles: roles.filter(|role| !role.is_empty()).collect(),
            }))
        }
        ("BASIC" | "BEARER", None) if has_rights => Ok(None),
        ("BASIC", None) => Err(format!(
            "authentication.method=BASIC, and no file of users is named: set {JAAS}, or \
             -Djava.security.auth.login.config=FILE in SCHEMA_REGISTRY_OPTS, or list the users in \
             the file of {RIGHTS_FILE}"
        )),
        ("BEARER", _) if has_rights => Ok(None),
        ("BEARER", _) => Err(format!(
            "authentication.method=BEARER takes tokens from the file of {RIGHTS_FILE}: set it"
        )),
        _ => Err(format!(
            "Invalid value {method} for configuration authentication.method: write NONE, BASIC or \
             BEARER"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, &str)]) -> Result<Translated, String> {
        let file = lines.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let environment = BTreeMap::from([(
            "SCHEMA_REGISTRY_OPTS".to_owned(),
            "-Xmx1g -Djava.security.auth.login.config=/jaas.conf".to_owned(),
        )]);
        translate(&file, &environment)
    }

    #[test]
    fn keys_get_their_names_here_and_those_of_kafka_are_told_once() {
        let translated = of(&[
            ("kafkastore.topic", "schemas"),
            ("kafkastore.bootstrap.servers", "PLAINTEXT://k:9092"),
            ("kafkastore.timeout.ms", "500"),
            ("avro.compatibility.level", "none"),
            ("schema.compatibility.level", "full"),
            ("mode.mutability", "false"),
            ("ssl.keystore.location", "/k.jks"),
            ("ssl.client.auth", "true"),
            ("response.http.headers.config", "add X:y"),
            ("gantry.data.dir", "/d"),
            ("debug", "false"),
            ("schema.registry.group.id", "g"),
            ("no.such.key", "x"),
        ]);
        let translated = translated.unwrap();
        let wanted = [
            ("gantry.data.dir", "/d"),
            ("gantry.schema.registry.compatibility.level", "full"),
            ("gantry.schema.registry.listeners", "http://0.0.0.0:8081"),
            ("gantry.schema.registry.mode.mutability", "false"),
            ("gantry.schema.registry.topic", "schemas"),
            ("no.such.key", "x"),
            ("response.http.headers.config", "add X:y"),
            ("ssl.client.auth", "required"),
            ("ssl.keystore.location", "/k.jks"),
        ];
        let keys: Vec<_> =
            translated.keys.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(keys, wanted);
        let [storage, idle] = &translated.warnings[..] else { panic!("{translated:?}") };
        assert!(storage.contains("kafkastore.bootstrap.servers, kafkastore.timeout.ms."));
        assert_eq!(idle, "keys without effect here: debug, schema.registry.group.id");
        assert_eq!(translated.auth, None);
    }

    #[test]
    fn our_own_name_of_a_key_counts_before_theirs() {
        let ours = "gantry.schema.registry.listeners";
        let translated = of(&[("listeners", "http://:1"), (ours, "http://:2")]).unwrap();
        assert_eq!(translated.keys[ours], "http://:2");
    }

    #[test]
    fn users_come_from_the_section_of_the_realm() {
        let basic = ("authentication.method", "BASIC");
        let realm = ("authentication.realm", "SR");
        let translated = of(&[basic, realm, ("authentication.roles", "user, admin")]).unwrap();
        let roles = vec!["user".to_owned(), "admin".to_owned()];
        let jaas = PathBuf::from("/jaas.conf");
        assert_eq!(
            translated.auth,
            Some(AuthSource::Confluent { jaas, realm: "SR".to_owned(), roles })
        );
        assert_eq!(translated.keys[REALM], "SR");
        assert!(of(&[basic]).unwrap_err().contains("authentication.realm"));
        let none = translate(&Props::from([(basic.0.to_owned(), basic.1.to_owned())]), &[].into());
        assert!(none.unwrap_err().contains("no file of users"));
    }

    #[test]
    fn a_guard_that_is_not_there_ends_the_start() {
        let extension =
            "io.confluent.kafka.schemaregistry.security.SchemaRegistrySecurityResourceExtension";
        let handler =
            "io.confluent.common.security.jetty.initializer.InstallBearerOrBasicSecurityHandler";
        for wrong in [
            ("resource.extension.class", extension),
            ("resource.extension.class", "com.acme.SchemaRegistryAuthExtension"),
            ("resource.extension.classes", "com.acme.Guard"),
            ("init.resource.extension.class", "com.acme.Guard"),
            ("schema.registry.resource.extension.class", extension),
            ("rest.servlet.initializor.classes", handler),
            ("websocket.servlet.initializor.classes", handler),
            ("confluent.schema.registry.auth.mechanism", "SSL"),
            ("confluent.schema.registry.authorizer.class", "a.B"),
            ("authentication.method", "BEARER"),
            ("authentication.method", "DIGEST"),
            ("ssl.client.authentication", "maybe"),
        ] {
            let why = of(&[wrong]).unwrap_err();
            assert!(why.contains(wrong.0) && why.contains(wrong.1), "{why}");
            let with_rights = of(&[wrong, (RIGHTS_FILE, "/rights.json")]);
            assert_eq!(with_rights.is_ok(), !matches!(wrong.1, "DIGEST" | "maybe"), "{wrong:?}");
            if let Ok(translated) = with_rights {
                assert!(!translated.keys.contains_key(wrong.0), "{translated:?}");
            }
        }
    }

    #[test]
    fn extensions_that_guard_nothing_are_only_told() {
        let key = "resource.extension.class";
        for harmless in HARMLESS {
            let translated = of(&[(key, harmless)]).unwrap();
            assert_eq!(translated.warnings, [format!("keys without effect here: {key}")]);
        }
        let [dek, rules, ..] = HARMLESS;
        assert!(of(&[(key, &format!("{dek}, {rules},"))]).is_ok());
        assert!(of(&[(key, " ")]).is_ok());
        let why = of(&[(key, &format!("{dek}, com.acme.Guard"))]).unwrap_err();
        assert!(why.starts_with("resource.extension.class has com.acme.Guard, which"), "{why}");
    }
}
