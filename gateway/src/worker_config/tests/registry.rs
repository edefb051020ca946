//! Keys of the schema registry.

use super::*;
use crate::worker_config::RegistrySettings;
use gantry_tls::ClientAuth;

fn registry(lines: &[(&str, &str)]) -> RegistrySettings {
    read(lines).unwrap().registry.unwrap()
}

#[test]
fn it_is_beside_the_rest_api_unless_a_key_says_where() {
    let beside = registry(&[("listeners", "http://10.0.0.1:8083,https://:1")]);
    assert_eq!(beside.listeners, [http("10.0.0.1", 8081)]);
    assert!(!beside.listeners_are_set);
    assert_eq!(registry(&[]).listeners, [http("", 8081)]);
    let own = registry(&[("gantry.schema.registry.listeners", "http://a:1,http://:2")]);
    assert_eq!(own.listeners, [http("a", 1), http("", 2)]);
    assert!(own.listeners_are_set);
    assert!(read(&[("gantry.schema.registry.enable", "false")]).unwrap().registry.is_none());
    let wrong = refusal(&[("gantry.schema.registry.listeners", "8081")]);
    assert!(wrong.contains("gantry.schema.registry.listeners"), "{wrong}");
}

#[test]
fn it_has_the_tls_of_the_rest_api_or_its_own() {
    let rest = [("listeners", "https://a:1"), ("listeners.https.ssl.client.auth", "required")];
    let beside = registry(&rest);
    assert_eq!(beside.listeners[0].to_string(), "https://a:8081");
    assert_eq!(beside.tls.as_ref().unwrap().client_auth, ClientAuth::Required);
    let prefix = "gantry.schema.registry.listeners.https.";
    let key = format!("{prefix}ssl.client.auth");
    let own = registry(&[rest[0], rest[1], (&key, "none")]);
    assert_eq!(own.tls.as_ref().unwrap().client_auth, ClientAuth::None);
    assert_eq!(own.tls.unwrap().prefix, prefix);
    let plain = [rest[0], rest[1], ("gantry.schema.registry.listeners", "http://:1")];
    assert!(registry(&plain).tls.is_none());
    assert!(!is_known(&format!("{prefix}ssl.client.aut")));
    assert_eq!(nearest(&format!("{prefix}ssl.client.aut")), Some(key));
}

#[test]
fn its_topic_is_one_of_the_workers_own() {
    let settings = read(&[("gantry.schema.registry.topic", "s")]).unwrap();
    assert_eq!(settings.engine.schema_registry_topic.as_deref(), Some("s"));
    let off = read(&[("gantry.schema.registry.enable", "false")]).unwrap();
    assert_eq!(off.engine.schema_registry_topic, None);
    let twice = refusal(&[("gantry.schema.registry.topic", "connect-offsets")]);
    assert!(twice.contains("offset.storage.topic names the same topic"), "{twice}");
    for (key, value) in [
        ("gantry.schema.registry.topic", " "),
        ("gantry.schema.registry.realm", "a\"b"),
        ("gantry.schema.registry.compatibility.level", "some"),
    ] {
        let why = refusal(&[(key, value)]);
        assert!(why.contains(key), "{why}");
    }
    registry(&[("gantry.schema.registry.compatibility.level", "full_transitive")]);
}
