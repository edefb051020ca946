//! What needs no server: keys, host keys, the protocol's odd answers. With one: `tests/native/sftp.py`.

use std::io::ErrorKind;

use gantry_api::model::config::ConfigValue;
use gantry_api::{Connector, Props};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::config::{HostKeys, Server, as_directory, pin};
use super::connector::{SftpSource, definition};
use super::wire::{Failure, Wire};
use crate::spooldir::config::Kind;
use crate::spooldir::config::Paths;

/// A key that `ssh-keygen -t ed25519` made, of nobody.
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACARj/dJ0Fs8Kbny3SuYvlpUZDvaNJL8t2TK2KyyqCu5UQAAAIh6cAhwenAI
cAAAAAtzc2gtZWQyNTUxOQAAACARj/dJ0Fs8Kbny3SuYvlpUZDvaNJL8t2TK2KyyqCu5UQ
AAAEC/whX0iV2tPSwh8nSnNXde5gIaHpGvJvAVQCc8musGtBGP90nQWzwpufLdK5i+WlRk
O9o0kvy3ZMrYrLKoK7lRAAAAAAECAwQF
-----END OPENSSH PRIVATE KEY-----
";
const PUBLIC: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBGP90nQWzwpufLdK5i+WlRkO9o0kvy3ZMrYrLKoK7lR";
const OTHER_PUBLIC: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn props(more: &[(&str, &str)]) -> Props {
    let all = [
        ("kafka.topic", "t"),
        ("sftp.host", "example.invalid"),
        ("sftp.username", "u"),
        ("sftp.password", "very-secret"),
        ("input.path", "in"),
        ("finished.path", "/done"),
        ("error.path", "/bad"),
        ("input.file.pattern", ".*"),
    ];
    all.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn findings(kind: Option<Kind>, more: &[(&str, &str)]) -> Vec<String> {
    let props = props(more);
    let mut values: Vec<ConfigValue> = definition(kind).validate(&props);
    SftpSource::new(kind).validate_offline(&props, &mut values).unwrap();
    let errors =
        values.iter().flat_map(|value| value.errors.iter().map(|e| format!("{}: {e}", value.name)));
    errors.collect()
}

fn server(more: &[(&str, &str)]) -> Server {
    Server::new(&definition(Some(Kind::Binary)).parse(&props(more)).unwrap()).unwrap()
}

#[test]
fn what_is_right_passes() {
    for kind in [Some(Kind::SchemalessJson), Some(Kind::Binary)] {
        assert_eq!(findings(kind, &[]), [""; 0], "{kind:?}");
    }
    let generated = ("schema.generation.enabled", "true");
    assert_eq!(findings(Some(Kind::Csv), &[generated]), [""; 0]);
    assert_eq!(findings(None, &[generated]), [""; 0]);
    assert_eq!(findings(None, &[("input.file.parser.format", "BINARY")]), [""; 0]);
    // As Confluent's documentation shows: the ends of lines written out, and the public key besides.
    let written = KEY.replace('\n', "\\r\\n");
    let key = [("tls.private.key", &*written), ("tls.public.key", PUBLIC), ("sftp.password", "")];
    assert_eq!(findings(Some(Kind::Binary), &key), [""; 0]);
    assert!(server(&key).private_key.is_some());
    assert_eq!(findings(Some(Kind::Binary), &[("tls.pemfile", KEY)]), [""; 0]);
}

#[test]
fn what_is_wrong_is_named() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("kerberos.keytab.path", "/k")],
            "kerberos.keytab.path: kerberos.keytab.path cannot be set here: Kerberos",
        ),
        (&[("kerberos.user.principal", "p")], "kerberos.user.principal: "),
        (
            &[("sftp.proxy.url", "http://p")],
            "sftp.proxy.url: sftp.proxy.url cannot be set here: a proxy",
        ),
        (
            &[("proxy.password", "very-secret")],
            "proxy.password: proxy.password cannot be set here: a proxy",
        ),
        (&[("csv.pre.validate.file.enabled", "true")], "csv.pre.validate.file.enabled: "),
        (&[("behavior.on.error", "STOP")], "behavior.on.error: Invalid value 'STOP'"),
        (
            &[("sftp.password", "")],
            "sftp.password: sftp.password, tls.private.key or tls.pemfile has to be set",
        ),
        (&[("tls.private.key", "very-secret")], "tls.private.key: the key cannot be read"),
        (&[("tls.private.key", KEY), ("tls.pemfile", KEY)], "tls.pemfile: only one of"),
        (&[("tls.pemfile", "/nowhere/key")], "tls.pemfile: the file /nowhere/key cannot be read"),
        (
            &[("tls.private.key", KEY), ("tls.public.key", OTHER_PUBLIC)],
            "tls.public.key: it is another key",
        ),
        (&[("gantry.sftp.host.keys", "MD5:00")], "gantry.sftp.host.keys: "),
        (
            &[("gantry.sftp.known.hosts", "/nowhere/hosts")],
            "gantry.sftp.known.hosts: the file /nowhere/hosts",
        ),
        (&[("input.path", "")], "input.path: "),
        (&[("sftp.port", "0")], "sftp.port: "),
    ];
    for (more, expected) in cases {
        let found = findings(Some(Kind::Binary), more);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{more:?}: {found:?}");
        assert!(!found[0].contains("very-secret"), "{found:?}");
    }
    assert!(!format!("{:?}", server(&[])).contains("very-secret"));
    let format = findings(None, &[("input.file.parser.format", "XML")]);
    assert!(format[0].starts_with("input.file.parser.format: Invalid value 'XML'"), "{format:?}");
    let schemas = findings(Some(Kind::Json), &[]);
    assert!(schemas[0].starts_with("key.schema: 'key.schema' must be set"), "{schemas:?}");
}

#[test]
fn keys_of_directories_are_set_from_these() {
    let parse = |more: &[(&str, &str)]| {
        let props = props(more);
        let parsed = definition(Some(Kind::Csv)).parse(&props).unwrap();
        as_directory(&parsed, &props)
    };
    let found = parse(&[("behavior.on.error", "LOG"), ("sftp.max.record.size", "1000")]);
    for (key, value) in [
        ("topic", "t"),
        ("halt.on.error", "false"),
        ("empty.poll.wait.ms", "250"),
        ("gantry.record.max.bytes", "1000"),
        ("schema.generation.key.name", "defaultkeyschemaname"),
    ] {
        assert_eq!(found.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(parse(&[]).get("halt.on.error").map(String::as_str), Some("true"));
    let parsed = definition(Some(Kind::Csv)).parse(&props(&[("cleanup.policy", "NONE")])).unwrap();
    assert_eq!(Paths::<String>::new(&parsed).unwrap().finished, None);
}

#[test]
fn host_keys_are_compared() {
    let public: russh::keys::PublicKey = PUBLIC.parse().unwrap();
    let mark = super::session::fingerprint(&public);
    for (pins, is_known) in [
        (mark.clone(), true),
        (PUBLIC.to_owned(), true),
        (format!("{OTHER_PUBLIC},{mark}"), true),
        (OTHER_PUBLIC.to_owned(), false),
    ] {
        let server = server(&[("gantry.sftp.host.keys", &pins)]);
        let checked = server.host_keys.check(&server, &public);
        assert_eq!(checked.is_ok(), is_known, "{pins}");
        if let Err(refusal) = checked {
            let other = super::session::fingerprint(&OTHER_PUBLIC.parse().unwrap());
            assert!(refusal.text.contains(&mark) && refusal.text.contains(&other), "{refusal}");
        }
    }
    assert_eq!(server(&[]).host_keys, HostKeys::Any);
    assert!(pin("SHA256:short").is_err());

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("# hosts\nexample.invalid,other {PUBLIC}\n")).unwrap();
    let server = server(&[("gantry.sftp.known.hosts", file.path().to_str().unwrap())]);
    server.host_keys.check(&server, &public).unwrap();
    let refusal = server.host_keys.check(&server, &OTHER_PUBLIC.parse().unwrap()).unwrap_err();
    assert!(refusal.text.contains(&mark), "{refusal}");
}

/// A server that answers as a test says: to each request with packets of a kind, a number and bytes.
type Answers = Vec<(u8, u32, Vec<u8>)>;

async fn serve(mut stream: DuplexStream, version: Vec<u8>, answers: Vec<Answers>) -> Vec<Vec<u8>> {
    let mut asked = Vec::new();
    let packets = |answers: Answers| -> Vec<Vec<u8>> {
        answers.iter().map(|(kind, id, rest)| packet(*kind, Some(*id), rest)).collect()
    };
    let greeted = std::iter::once(vec![packet(2, None, &version)]);
    let mut all = greeted.chain(answers.into_iter().map(packets));
    loop {
        let Ok(length) = stream.read_u32().await else { return asked };
        let mut bytes = vec![0; length as usize];
        stream.read_exact(&mut bytes).await.unwrap();
        asked.push(bytes);
        for bytes in all.next().unwrap_or_default() {
            stream.write_all(&bytes).await.unwrap();
        }
    }
}

fn packet(kind: u8, id: Option<u32>, rest: &[u8]) -> Vec<u8> {
    let mut body = vec![kind];
    body.extend(id.iter().flat_map(|id| id.to_be_bytes()));
    body.extend(rest);
    let mut all = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    all.extend(body);
    all
}

fn text(text: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text);
    bytes
}

fn status(code: u32) -> Vec<u8> {
    [code.to_be_bytes().to_vec(), text(b"what it says"), text(b"")].concat()
}

fn greeting() -> Vec<u8> {
    3u32.to_be_bytes().to_vec()
}

#[tokio::test]
async fn answers_come_in_any_order() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    // Handles are bytes, whatever they are.
    let handle = b"\xff\x00\xfe";
    let answers = vec![
        vec![(102, 0, text(handle))],
        vec![],
        vec![(103, 2, text(b"second")), (103, 1, text(b"first"))],
        vec![(101, 3, status(1))],
    ];
    let server = tokio::spawn(serve(theirs, greeting(), answers));
    let mut wire = Wire::open(ours).await.unwrap();
    let opened = wire.open_file(b"/a", super::wire::FOR_READING).await.unwrap();
    assert_eq!(&*opened, handle);
    let first = wire.begin_read(&opened, 0, 6).await.unwrap();
    let second = wire.begin_read(&opened, 6, 6).await.unwrap();
    assert_eq!(wire.end_read(first).await.unwrap().as_deref(), Some(&b"first"[..]));
    assert_eq!(wire.end_read(second).await.unwrap().as_deref(), Some(&b"second"[..]));
    let third = wire.begin_read(&opened, 12, 6).await.unwrap();
    assert_eq!(wire.end_read(third).await.unwrap(), None);
    drop(wire);
    assert_eq!(server.await.unwrap().len(), 5);
}

#[tokio::test]
async fn what_the_server_says_is_told_apart() {
    for (answer, expected) in [
        ((101, status(2)), Some(ErrorKind::NotFound)),
        ((101, status(3)), Some(ErrorKind::PermissionDenied)),
        ((101, status(4)), Some(ErrorKind::Other)),
        ((101, status(8)), Some(ErrorKind::Unsupported)),
        ((101, status(7)), None),
        ((104, vec![]), None),
        ((105, vec![0, 0]), None),
    ] {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let kind = answer.0;
        tokio::spawn(serve(theirs, greeting(), vec![vec![(answer.0, 0, answer.1)]]));
        let mut wire = Wire::open(ours).await.unwrap();
        match (wire.stat(b"/a").await.unwrap_err(), expected) {
            (Failure::Refused(error), Some(expected)) => {
                assert_eq!(error.kind(), expected);
                assert_eq!(error.to_string(), "what it says");
            }
            (Failure::Broken(_), None) => {}
            (failure, expected) => panic!("{kind}: {failure:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn answers_that_are_too_long_are_not_taken() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    theirs.write_all(&[0x7f, 0xff, 0xff, 0xff, 2]).await.unwrap();
    assert!(matches!(Wire::open(ours).await.unwrap_err(), Failure::Broken(_)));
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    drop(theirs);
    let Failure::Broken(what) = Wire::open(ours).await.unwrap_err() else { panic!() };
    assert!(!what.is_empty());
}

#[tokio::test]
async fn a_file_that_is_there_goes_where_it_cannot_be_renamed_over() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let attributes = 0u32.to_be_bytes().to_vec();
    let answers = vec![
        vec![(101, 0, status(4))],
        vec![(105, 1, attributes.clone())],
        vec![(105, 2, attributes)],
        vec![(101, 3, status(0))],
        vec![(101, 4, status(0))],
    ];
    let server = tokio::spawn(serve(theirs, greeting(), answers));
    let mut wire = Wire::open(ours).await.unwrap();
    wire.rename_over(b"/from", b"/to").await.unwrap();
    drop(wire);
    let kinds: Vec<u8> = server.await.unwrap().iter().map(|bytes| bytes[0]).collect();
    assert_eq!(kinds, [1, 18, 7, 7, 13, 18]);

    // A server that can is asked to do it at once.
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let can = [greeting(), text(b"posix-rename@openssh.com"), text(b"1")].concat();
    let server = tokio::spawn(serve(theirs, can, vec![vec![(101, 0, status(0))]]));
    let mut wire = Wire::open(ours).await.unwrap();
    wire.rename_over(b"/from", b"/to").await.unwrap();
    drop(wire);
    assert_eq!(server.await.unwrap()[1][0], 200);
}
