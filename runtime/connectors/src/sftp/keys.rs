//! The keys of the connectors for files on an SFTP server: those for a directory, and where it is.

use gantry_api::model::config::ConfigData;
use gantry_api::{ConfigDef, ConfigKey, Importance, Type, Validator};

use crate::keys::{Keys, invalid, list_of, text_of};
use crate::spooldir::config::Kind;
use crate::spooldir::keys as spool;
use crate::spooldir::lines::RECORD_BYTES_MAX;

pub(super) const TOPIC: &str = "kafka.topic";
pub(super) const ON_ERROR: &str = "behavior.on.error";
pub(super) const PARSER: &str = "input.file.parser.format";
pub(super) const RECORD_SIZE: &str = "sftp.max.record.size";
const VALIDATES_FIRST: &str = "csv.pre.validate.file.enabled";

pub(super) const HOST: &str = "sftp.host";
pub(super) const PORT: &str = "sftp.port";
pub(super) const USER: &str = "sftp.username";
pub(super) const PASSWORD: &str = "sftp.password";
pub(super) const PRIVATE_KEY: &str = "tls.private.key";
pub(super) const PUBLIC_KEY: &str = "tls.public.key";
pub(super) const PASSPHRASE: &str = "tls.passphrase";
pub(super) const PEM_FILE: &str = "tls.pemfile";

pub(super) const HOST_KEYS: &str = "gantry.sftp.host.keys";
pub(super) const KNOWN_HOSTS: &str = "gantry.sftp.known.hosts";
pub(super) const CONNECT_TIMEOUT: &str = "gantry.sftp.connect.timeout.ms";
pub(super) const REQUEST_TIMEOUT: &str = "gantry.sftp.request.timeout.ms";

pub(super) const ON_ERRORS: [&str; 3] = ["FAIL", "IGNORE", "LOG"];
pub(super) const PARSERS: [(&str, Kind); 4] = [
    ("BINARY", Kind::Binary),
    ("CSV", Kind::Csv),
    ("JSON", Kind::Json),
    ("SCHEMALESS_JSON", Kind::SchemalessJson),
];
const PARSER_NAMES: [&str; 4] = ["BINARY", "CSV", "SCHEMALESS_JSON", "JSON"];

/// What Java's connector knows and this one does not do, and what to do instead.
const REFUSED: [(&str, &str); 8] = [
    (
        "kerberos.keytab.path",
        "Kerberos is not supported: log in with tls.private.key, tls.pemfile or sftp.password",
    ),
    (
        "kerberos.user.principal",
        "Kerberos is not supported: log in with tls.private.key, tls.pemfile or sftp.password",
    ),
    (
        "sftp.proxy.url",
        "a proxy is not supported: let sftp.host and sftp.port name a port that leads to the server",
    ),
    (
        "sftp.proxy.username",
        "a proxy is not supported: let sftp.host and sftp.port name a port that leads to the server",
    ),
    (
        "sftp.proxy.password",
        "a proxy is not supported: let sftp.host and sftp.port name a port that leads to the server",
    ),
    (
        "proxy.username",
        "a proxy is not supported: let sftp.host and sftp.port name a port that leads to the server",
    ),
    (
        "proxy.password",
        "a proxy is not supported: let sftp.host and sftp.port name a port that leads to the server",
    ),
    (
        VALIDATES_FIRST,
        "a file is read once: of a faulty one the records before the fault are written, and it goes to error.path",
    ),
];

const CONNECTION_GROUP: &str = "Connection";
const SECURITY_GROUP: &str = "Security";
const OWN_GROUP: &str = "Gantry";

/// Keys for which these connectors have other names, or which only say something about local directories.
const OTHERWISE: [&str; 6] =
    [spool::TOPIC, spool::HALT, spool::INPUT, spool::ERROR, spool::FINISHED, spool::EMPTY_WAIT];

const TIMEOUT_MS_DEFAULT: i64 = 30_000;
const TIMEOUT_MS_MAX: i64 = 600_000;

use Importance::{High, Low, Medium};

fn path(required: bool) -> Validator {
    Validator::custom(move |name, value| match text_of(value) {
        "" if required => Err(invalid(name, value, "Cannot be null or empty.")),
        text if text.contains('\0') => Err(invalid(name, value, "a path has no character 0")),
        _ => Ok(()),
    })
}

fn refused(reason: &'static str) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::Null | ConfigData::Boolean(false) => Ok(()),
        ConfigData::String(text) | ConfigData::Password(text) if text.is_empty() => Ok(()),
        // The value may be a secret.
        _ => Err(gantry_api::Error::config(format!("{name} cannot be set here: {reason}"))),
    })
}

fn host_keys() -> Validator {
    Validator::custom(|name, value| {
        for text in list_of(value) {
            super::config::pin(text).map_err(|what| invalid(name, value, &what))?;
        }
        Ok(())
    })
}

fn connection(keys: &mut Keys) {
    keys.group(CONNECTION_GROUP);
    keys.add(HOST, Type::String, "localhost", High, "The SFTP server: its name or address.");
    let port = Validator::between(1i64, 65_535);
    keys.add_valid(PORT, Type::Int, 22, Medium, "The port of the SFTP server.", port);
    keys.required(USER, Type::String, High, "The user to log in as.");
    let text = "The password of the user. Not needed with a private key.";
    keys.add(PASSWORD, Type::Password, "", High, text);

    keys.group(SECURITY_GROUP);
    let text = "The private key to log in with, as text: OpenSSH's, PEM (PKCS#1, PKCS#8) or PuTTY's form. Its lines \
                may be divided by \\r\\n or \\n written out.";
    keys.add(PRIVATE_KEY, Type::Password, "", Low, text);
    let text =
        "The public key that belongs to tls.private.key. Not needed; if it is set, it is compared.";
    keys.add(PUBLIC_KEY, Type::Password, "", Low, text);
    let text = "The passphrase of the private key.";
    keys.add(PASSPHRASE, Type::Password, "", Low, text);
    let text = "A file with the private key, in the place of tls.private.key; or what stands in such a file.";
    keys.add(PEM_FILE, Type::Password, "", Low, text);
    for (name, reason) in REFUSED {
        let of = if name == VALIDATES_FIRST { Type::Boolean } else { Type::String };
        let of = if name.ends_with("password") { Type::Password } else { of };
        let text = format!("Not supported, and an error if it is set: {reason}.");
        let key = match of {
            Type::Boolean => ConfigKey::new(name, of, false, Low, &text),
            _ => ConfigKey::new(name, of, "", Low, &text),
        };
        keys.put(key.validator(refused(reason)));
    }

    keys.group(OWN_GROUP);
    let text = "The host keys that the server may have: fingerprints as SHA256:…, or public keys as ssh-ed25519 AAAA…. \
                With none, and without gantry.sftp.known.hosts, any key is taken, as in Java's connector; the log says \
                which.";
    keys.add_valid(HOST_KEYS, Type::List, "", Medium, text, host_keys());
    let text = "A file of the worker with the host keys of servers, in the form of OpenSSH's known_hosts. A server that \
                is not in it is refused.";
    keys.add(KNOWN_HOSTS, Type::String, "", Medium, text);
    let time = || Validator::between(1i64, TIMEOUT_MS_MAX);
    let text = "How long opening a connection, with the login, may take.";
    keys.add_valid(CONNECT_TIMEOUT, Type::Long, TIMEOUT_MS_DEFAULT, Low, text, time());
    let text = "How long the server may take to answer a request. After that the connection is opened anew.";
    keys.add_valid(REQUEST_TIMEOUT, Type::Long, TIMEOUT_MS_DEFAULT, Low, text, time());
}

fn files(keys: &mut Keys) {
    keys.group("General");
    keys.required(TOPIC, Type::String, High, "The topic that records are written to.");
    let text = "How long to wait before the directory is looked at again when there was nothing in it to read.";
    let positive = Validator::between(1i64, i64::MAX);
    keys.add_valid(spool::EMPTY_WAIT, Type::Long, 250i64, Low, text, positive);
    let text = "How many bytes a record may have; 0: as many as gantry.record.max.bytes says. A file with a larger one \
                goes to error.path.";
    let size = Validator::between(0i64, i64::from(i32::MAX));
    keys.add_valid(RECORD_SIZE, Type::Long, 0i64, Low, text, size);

    keys.group("File System");
    let text = "The directory of the server whose files are read. Without a leading / it is one of the user's own \
                directory. It has to be there, and the user has to be able to write to it.";
    keys.required_valid(spool::INPUT, Type::String, High, text, path(true));
    let text = "Where files go that were read: for cleanup.policy=MOVE and MOVEBYDATE. It has to be there, writable, and \
                on the same file system.";
    keys.add_valid(spool::FINISHED, Type::String, "", High, text, path(false));
    let text = "Where files go that cannot be read to their end. It has to be there, writable, and on the same file \
                system.";
    keys.required_valid(spool::ERROR, Type::String, High, text, path(true));
    let text = "Whether the task fails when a file cannot be read (FAIL), or goes on with the next one (IGNORE, LOG). The \
                file goes to error.path in either case, and the log says why.";
    let words = spool::word("ErrorBehavior", &ON_ERRORS);
    keys.add_valid(ON_ERROR, Type::String, "FAIL", High, text, words);
}

/// Adds those keys for a directory that are the same here.
fn done(mut keys: Keys, same: &ConfigDef) -> ConfigDef {
    files(&mut keys);
    connection(&mut keys);
    let mut definition = keys.done();
    for key in same.keys() {
        if OTHERWISE.contains(&&*key.name) {
            continue;
        }
        let mut key = key.clone();
        match &*key.name {
            spool::GENERATE_KEY_NAME => key.default = Some("defaultkeyschemaname".into()),
            spool::GENERATE_VALUE_NAME => key.default = Some("defaultvalueschemaname".into()),
            _ => {}
        }
        definition = definition.define(key);
    }
    definition
}

/// Of a connector for files of one kind.
pub(super) fn of(kind: Kind) -> ConfigDef {
    done(Keys::new("General"), &kind.definition())
}

pub(super) fn csv() -> ConfigDef {
    of(Kind::Csv)
}
pub(super) fn json() -> ConfigDef {
    of(Kind::Json)
}
pub(super) fn text() -> ConfigDef {
    of(Kind::SchemalessJson)
}
pub(super) fn bytes() -> ConfigDef {
    of(Kind::Binary)
}

/// Of the connector for files of a kind that a key says.
pub(super) fn generic() -> ConfigDef {
    let mut keys = Keys::new("General");
    let text = "What the files are.";
    let names = spool::word("InputFileParserFormat", &PARSER_NAMES);
    keys.add_valid(PARSER, Type::String, "JSON", High, text, names);
    let mut all = Kind::Csv.definition();
    for key in Kind::SchemalessJson.definition().keys() {
        if &*key.name == spool::CHARSET {
            all = all.define(key.clone());
        }
    }
    done(keys, &all)
}

/// A longer record is never read.
pub(super) const OWN_RECORD_SIZE: &str = RECORD_BYTES_MAX;
