use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::ec::complete;
use super::store::{Purpose, open};
use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/tests/tls").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(fixture(name)).unwrap()
}

fn store(kind: &str, file: &str, password: &str) -> StoreSettings {
    StoreSettings {
        prefix: "ssl.keystore.".to_owned(),
        kind: kind.to_owned(),
        location: Some(fixture(file).display().to_string()),
        password: (!password.is_empty()).then(|| Secret::new(password)),
        key_password_key: "ssl.key.password".to_owned(),
        ..StoreSettings::default()
    }
}

fn with_key_password(kind: &str, file: &str, password: &str, key: &str) -> StoreSettings {
    StoreSettings { key_password: Some(Secret::new(key)), ..store(kind, file, password) }
}

fn tls(key_store: StoreSettings) -> TlsSettings {
    TlsSettings {
        prefix: String::new(),
        key_store,
        trust_store: StoreSettings::default(),
        client_auth: ClientAuth::None,
        protocol: "TLSv1.3".to_owned(),
        protocols: vec!["TLSv1.2".to_owned(), "TLSv1.3".to_owned()],
        cipher_suites: Vec::new(),
    }
}

fn configured(settings: &TlsSettings) -> (Result<Arc<ServerConfig>, String>, Vec<String>) {
    let mut warnings = Vec::new();
    (server_config(settings, &mut warnings), warnings)
}

fn refusal(settings: &TlsSettings) -> String {
    configured(settings).0.err().unwrap_or_else(|| panic!("{settings:?} was taken"))
}

fn roots(file: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(parse_certificates(&text(file)).unwrap());
    roots
}

/// Sends a byte to and fro; gives the server's certificate.
async fn shake(
    settings: &TlsSettings,
    name: &str,
    client: ClientConfig,
) -> Result<CertificateDer<'static>, String> {
    let (near, far) = duplex(16 << 10);
    let acceptor = TlsAcceptor::from(configured(settings).0.unwrap());
    let server = async move {
        let mut stream = acceptor.accept(far).await.map_err(|error| error.to_string())?;
        let byte = stream.read_u8().await.map_err(|error| error.to_string())?;
        stream.write_u8(byte).await.map_err(|error| error.to_string())
    };
    let connector = TlsConnector::from(Arc::new(client));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = async move {
        let mut stream = connector.connect(name, near).await.map_err(|error| error.to_string())?;
        stream.write_u8(7).await.map_err(|error| error.to_string())?;
        stream.read_u8().await.map_err(|error| error.to_string())?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        Ok::<_, String>(shown[0].clone().into_owned())
    };
    let (server, client) = tokio::join!(server, client);
    server.and(client)
}

fn client(
    roots: RootCertStore,
    versions: &[&'static tokio_rustls::rustls::SupportedProtocolVersion],
) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn plain() -> ClientConfig {
    client(roots("ca.pem"), tokio_rustls::rustls::ALL_VERSIONS)
}

fn showing(file: &str) -> ClientConfig {
    showing_locked(file, None)
}

fn showing_locked(file: &str, password: Option<&str>) -> ClientConfig {
    let (chain, key) =
        (parse_certificates(&text(file)).unwrap(), parse_key(&text(file), password, "").unwrap());
    let key = complete(key, &chain[0]);
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots("ca.pem"))
        .with_client_auth_cert(chain, key)
        .unwrap()
}

#[tokio::test]
async fn every_kind_of_key_store_serves() {
    let inline = StoreSettings {
        location: None,
        key: Some(Secret::new(text("server.pem").replace('\n', " "))),
        certificates: Some(Secret::new(text("server.pem").replace('\n', " "))),
        ..with_key_password("PEM", "server.pem", "", "pemsecret")
    };
    for key_store in [
        with_key_password("JKS", "server.jks", "changeit", "keysecret"),
        // Java tells the two formats apart by what the file holds.
        with_key_password("pkcs12", "server.jks", "changeit", "keysecret"),
        store("JKS", "server.p12", "changeit"),
        store("PKCS12", "server.p12", "changeit"),
        store("PKCS12", "legacy.p12", "changeit"),
        with_key_password("PEM", "server.pem", "", "pemsecret"),
        inline,
    ] {
        let settings = tls(key_store);
        let (_, warnings) = configured(&settings);
        assert_eq!(warnings, Vec::<String>::new());
        shake(&settings, "localhost", plain()).await.unwrap_or_else(|error| {
            panic!("{:?}: {error}", settings.key_store);
        });
    }
}

#[test]
fn a_store_that_does_not_open_is_named_with_its_remedy() {
    for (key_store, parts) in [
        (store("JKS", "nope.jks", "x"), ["ssl.keystore.location=/", "check the path"]),
        (
            store("JKS", "server.jks", "wrong"),
            ["does not open it", "correct ssl.keystore.password"],
        ),
        (
            store("JKS", "server.p12", "wrong"),
            ["does not open it", "correct ssl.keystore.password"],
        ),
        (
            store("JKS", "legacy.p12", "wrong"),
            ["does not open it", "correct ssl.keystore.password"],
        ),
        (store("JKS", "server.p12", ""), ["needs a password", "set ssl.keystore.password"]),
        (
            store("JKS", "server.jks", "changeit"),
            ["entry server stays closed", "set ssl.key.password"],
        ),
        (store("JKS", "server.jks", ""), ["there is no password", "set ssl.keystore.password"]),
        (store("JKS", "trust.jks", "changeit"), ["there is no private key", "keytool -genkeypair"]),
        (store("JKS", "server.pem", "x"), ["it is PEM", "ssl.keystore.type=PEM"]),
        (store("JKS", "make.sh", "x"), ["neither JKS nor PKCS12", "check"]),
        (store("BKS", "server.jks", "x"), ["ssl.keystore.type=BKS", "write JKS, PKCS12 or PEM"]),
        (
            store("PEM", "server.pem", "x"),
            ["PEM has no store password", "leave ssl.keystore.password out"],
        ),
        (store("PEM", "server.pem", ""), ["private key is encrypted", "set ssl.key.password"]),
        (
            with_key_password("PEM", "server.pem", "", "x"),
            ["does not open its private key", "correct ssl.key.password"],
        ),
        (store("PEM", "ca.pem", ""), ["no private key in it", "BEGIN PRIVATE KEY"]),
        (
            StoreSettings { key: Some(Secret::new("x")), ..store("JKS", "server.jks", "") },
            ["are PEM", "ssl.keystore.type=PEM"],
        ),
        (
            StoreSettings { key: Some(Secret::new("x")), ..store("PEM", "server.pem", "") },
            ["both set", "leave one"],
        ),
        (StoreSettings::default(), ["ssl.keystore.location is not set", "listeners.https.ssl."]),
    ] {
        let error = refusal(&tls(key_store));
        for part in parts {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("keysecret") && !error.contains("changeit"), "{error}");
    }
}

#[test]
fn a_damaged_store_is_no_panic() {
    for (file, kind) in [("server.jks", "JKS"), ("server.p12", "PKCS12"), ("legacy.p12", "PKCS12")]
    {
        let whole = std::fs::read(fixture(file)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("store");
        for at in (0..whole.len()).step_by(7) {
            let cut = whole[..at].to_vec();
            let mut flipped = whole.clone();
            flipped[at] ^= 0x55;
            for bytes in [cut, flipped] {
                std::fs::write(&copy, bytes).unwrap();
                let location = Some(copy.display().to_string());
                // Without a password, so that no digest hides what comes behind it.
                let _ = open(&StoreSettings { location, ..store(kind, file, "") }, Purpose::Trust);
            }
        }
    }
}

#[test]
fn a_store_is_not_cut() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("large.pem");
    // All that is needed stands in what would be left of it.
    let text = format!("{}{}", text("client.pem"), " ".repeat(16 << 20));
    std::fs::write(&file, text).unwrap();
    let location = Some(file.display().to_string());
    let error = refusal(&tls(StoreSettings { location, ..store("PEM", "", "") }));
    let limit = "large.pem: it is larger than 16777216 bytes, which is the limit";
    assert!(error.starts_with("ssl.keystore.location=/") && error.contains(limit), "{error}");
}

#[tokio::test]
async fn of_several_keys_the_one_for_the_name_is_shown() {
    let settings = tls(store("JKS", "two.jks", "changeit"));
    let (_, warnings) = configured(&settings);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("entry first expired on Jan  2 "), "{}", warnings[0]);
    // Clients do not accept the expired one; that it is shown is seen by their refusal.
    let refused = shake(&settings, "other.example", plain()).await.unwrap_err();
    assert!(refused.to_lowercase().contains("certificate"), "{refused}");
    // Java keeps the entries in an order of its own.
    let keys = open(&settings.key_store, Purpose::PrivateKeys).unwrap().keys;
    let second = &keys.iter().find(|entry| entry.alias == "second").unwrap().chain[0];
    let mut trusting = RootCertStore::empty();
    trusting.add(second.clone()).unwrap();
    let client = client(trusting, tokio_rustls::rustls::ALL_VERSIONS);
    assert_eq!(shake(&settings, "localhost", client).await.as_ref(), Ok(second));
}

#[tokio::test]
async fn clients_are_trusted_as_the_trust_store_says() {
    for (kind, file, password) in [
        ("JKS", "trust.jks", "changeit"),
        ("JKS", "trust.jks", ""),
        ("PKCS12", "trust.p12", "changeit"),
        ("PEM", "ca.pem", ""),
    ] {
        let mut settings = tls(store("PKCS12", "server.p12", "changeit"));
        settings.trust_store = store(kind, file, password);
        for auth in [ClientAuth::Requested, ClientAuth::Required] {
            settings.client_auth = auth;
            let anonymous = shake(&settings, "localhost", plain()).await;
            assert_eq!(anonymous.is_ok(), auth == ClientAuth::Requested, "{anonymous:?}");
            shake(&settings, "localhost", showing("client.pem")).await.unwrap();
            assert!(shake(&settings, "localhost", showing("stranger.pem")).await.is_err());
            // It is itself in the trust store, though it says that it is an authority.
            let lone = shake(&settings, "localhost", showing("lone.pem")).await;
            assert_eq!(lone.is_ok(), file == "trust.jks", "{lone:?}");
        }
    }
}

#[test]
fn without_a_trust_store_the_key_store_is_it() {
    let mut settings = tls(store("PKCS12", "server.p12", "changeit"));
    settings.client_auth = ClientAuth::Required;
    let (config, warnings) = configured(&settings);
    assert!(config.is_ok() && warnings[0].contains("there is no trust store"), "{warnings:?}");
    settings.trust_store = store("PEM", "make.sh", "");
    assert!(refusal(&settings).contains("there is no certificate in it"));
}

#[tokio::test]
async fn the_authority_behind_the_own_certificate_vouches_for_no_client() {
    for key_store in [
        with_key_password("JKS", "server.jks", "changeit", "keysecret"),
        store("PKCS12", "server.p12", "changeit"),
        with_key_password("PEM", "server.pem", "", "pemsecret"),
    ] {
        let mut settings = tls(key_store);
        settings.client_auth = ClientAuth::Required;
        // Issued by the authority whose certificate is the second of the server's chain.
        let sibling = shake(&settings, "localhost", showing("client.pem")).await;
        assert!(sibling.is_err(), "{:?}", settings.key_store);
        let stranger = shake(&settings, "localhost", showing("stranger.pem")).await;
        assert!(stranger.is_err(), "{:?}", settings.key_store);
        let own = showing_locked("server.pem", Some("pemsecret"));
        shake(&settings, "localhost", own).await.unwrap();
        // Once it is named as a trust store, all that is in the file counts.
        settings.trust_store = store("PEM", "server.pem", "");
        shake(&settings, "localhost", showing("client.pem")).await.unwrap();
    }
}

#[tokio::test]
async fn versions_and_cipher_suites_are_limited() {
    use tokio_rustls::rustls::version::{TLS12, TLS13};
    let with = |protocols: &str, protocol: &str, suites: &str| {
        let list = |text: &str| {
            text.split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        TlsSettings {
            protocols: list(protocols),
            protocol: protocol.to_owned(),
            cipher_suites: list(suites),
            ..tls(store("PKCS12", "server.p12", "changeit"))
        }
    };
    let both = "TLSv1.2,TLSv1.3";
    let rsa = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    for (settings, new, old) in [
        (with(both, "TLSv1.3", ""), true, true),
        (with("TLSv1.2", "TLSv1.3", ""), false, true),
        (with("TLSv1.3", "TLS", ""), true, false),
        (with(both, "TLSv1.2", ""), false, true),
        (with(both, "TLSv1.3", "TLS_AES_128_GCM_SHA256"), true, false),
        (with(both, "TLSv1.3", rsa), false, true),
    ] {
        for (version, wanted) in [(&TLS13, new), (&TLS12, old)] {
            let client = client(roots("ca.pem"), &[version]);
            let agreed = shake(&settings, "localhost", client).await.is_ok();
            assert_eq!(agreed, wanted, "{settings:?} {version:?}");
        }
    }
    let unknown = with("TLSv1.1,TLSv1.2", "TLSv1.3", &format!("NOPE,{rsa}"));
    let (config, warnings) = configured(&unknown);
    assert!(config.is_ok());
    assert!(warnings[0].starts_with("ssl.cipher.suites: NOPE are not there"), "{warnings:?}");
    assert!(warnings[1].starts_with("ssl.enabled.protocols: TLSv1.1 are not"), "{warnings:?}");
    assert!(refusal(&with("TLSv1.1", "TLSv1.3", "")).contains("allows no version"));
    assert!(
        refusal(&with(both, "TLSv1.3", "NOPE"))
            .contains("none of these is there; take of TLS_AES_256_GCM_SHA384")
    );
    assert!(refusal(&with("TLSv1.3", "TLSv1.3", rsa)).contains("leave nothing in common"));
}

#[test]
fn pem_is_read_in_all_its_forms() {
    let key = text("client.pem");
    assert!(parse_key(&key, None, "k").is_ok());
    assert!(parse_key(&key.replace('\n', "\r\n"), None, "k").is_ok());
    assert_eq!(parse_certificates(&text("server.pem").replace('\n', " ")).unwrap().len(), 2);
    for (wrong, why) in [
        ("", "no private key"),
        ("-----BEGIN PRIVATE KEY-----", "no private key"),
        ("-----BEGIN PRIVATE KEY-----!-----END PRIVATE KEY-----", "is damaged"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X\n\nAA==\n-----END RSA PRIVATE KEY-----",
            "OpenSSL's old way",
        ),
        (
            "-----BEGIN DSA PRIVATE KEY-----AA==-----END DSA PRIVATE KEY-----",
            "openssl pkcs8 -topk8",
        ),
    ] {
        let error = parse_key(wrong, None, "k").unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}
