//! What the worker file says of the REST API.

use std::path::PathBuf;

use gantry_api::Props;
use gantry_model::config::{ConfigData, ParsedConfig};

use super::cors::Cors;
use super::headers::HeaderRules;
use super::listeners::{Listener, Scheme};
use super::tls;
use gantry_tls::{ClientAuth, TlsSettings};

/// Kafka Connect's extension for basic authentication.
const BASIC_AUTH: &str =
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";

/// The port of RocketMQ Connect's REST API.
const ROCKETMQ_PORT: &str = "gantry.rocketmq.connect.port";

/// All of it, checked. No file has been opened.
#[derive(Debug)]
pub(crate) struct RestSettings {
    /// Where REST listens; never empty.
    pub(crate) listeners: Vec<Listener>,
    /// TLS of those that are https, if any is.
    pub(crate) tls: Option<TlsSettings>,
    /// Where the admin endpoints are.
    pub(crate) admin: Admin,
    /// Where RocketMQ Connect's REST API is, if anywhere.
    pub(crate) rocketmq_connect: Option<Listener>,
    /// How the worker is known.
    pub(crate) advertised: Advertised,
    /// Headers of every answer.
    pub(crate) headers: HeaderRules,
    /// What pages of other sites may do, if anything.
    pub(crate) cors: Option<Cors>,
    /// Where the users of basic authentication are, if it is on.
    pub(crate) auth: Option<AuthSource>,
}

/// Where the admin endpoints are.
#[derive(Debug)]
pub(crate) enum Admin {
    /// On the listeners of the others.
    WithOthers,
    /// Nowhere.
    Nowhere,
    /// On listeners of their own; TLS if one is https.
    Own(Vec<Listener>, Option<Box<TlsSettings>>),
}

/// How the worker is known, where that is not a listener's own.
#[derive(Debug, Default)]
pub(crate) struct Advertised {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    /// Which of the listeners is advertised.
    pub(crate) listener: usize,
}

/// Where the users of basic authentication are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AuthSource {
    /// A properties file `user=password`.
    Users(PathBuf),
    /// A JAAS file that names it.
    Jaas(PathBuf),
    /// A JAAS file that names, for a realm, a properties file `user=password,role,…`.
    Confluent {
        /// The JAAS file.
        jaas: PathBuf,
        /// Its section.
        realm: String,
        /// The roles that are let in; `*` is any.
        roles: Vec<String>,
    },
    /// Nothing is said: nobody is let in, as in Kafka Connect.
    Nowhere,
}

/// Reads and checks. What a user should know goes to `warnings`.
pub(super) fn settings(
    props: &Props,
    parsed: &ParsedConfig,
    warnings: &mut Vec<String>,
) -> Result<RestSettings, String> {
    let listeners = main_listeners(parsed)?;
    let admin = admin(props, parsed)?;
    let tls = tls_of(&listeners, props, "listeners.https.")?;
    let advertised = advertised(parsed, &listeners, warnings)?;
    let invalid = |key: &str, why: &str| format!("Invalid value for configuration {key}: {why}");
    let text = |key| parsed.string(key).unwrap_or_default();
    let headers = HeaderRules::parse(text("response.http.headers.config"))
        .map_err(|why| invalid("response.http.headers.config", &why))?;
    let cors =
        Cors::parse(text("access.control.allow.origin"), text("access.control.allow.methods"))
            .map_err(|(key, why)| invalid(key, &why))?;
    let auth = auth(parsed)?;
    if auth.is_some() && matches!(admin, Admin::Own(..)) {
        warnings.push(
            "admin.listeners are open to everybody who can reach them: basic authentication \
             guards the other listeners only, as in Kafka Connect"
                .to_owned(),
        );
    }
    let rocketmq_connect = rocketmq_connect(parsed, &listeners, tls.as_ref(), warnings)?;
    Ok(RestSettings { listeners, tls, admin, rocketmq_connect, advertised, headers, cors, auth })
}

/// The port is RocketMQ Connect's, the host that of Kafka Connect's REST API. It speaks plain
/// http, so it must not lead past the client certificates that the listeners ask for.
fn rocketmq_connect(
    parsed: &ParsedConfig,
    listeners: &[Listener],
    tls: Option<&TlsSettings>,
    warnings: &mut Vec<String>,
) -> Result<Option<Listener>, String> {
    let Some(port) = parsed.long(ROCKETMQ_PORT).and_then(|port| u16::try_from(port).ok()) else {
        return Ok(None);
    };
    let host = listeners.first().map(|first| first.host.clone()).unwrap_or_default();
    // Where the same host has plain http already, this port opens no door that is shut.
    let is_plain = |host: &str| {
        listeners.iter().any(|other| other.scheme == Scheme::Http && other.host == host)
    };
    if let Some(tls) = tls.filter(|tls| tls.client_auth == ClientAuth::Required)
        && !is_plain(&host)
    {
        return Err(format!(
            "{ROCKETMQ_PORT}={port}: this port, httpPort of RocketMQ Connect, is plain http and \
             asks for no client certificate, while {prefix}ssl.client.auth=required lets in only \
             who has one: whoever reaches the port could change and delete connectors. Leave the \
             port out (a worker file with keys of RocketMQ Connect always has it: write Kafka \
             Connect's keys), or write {prefix}ssl.client.auth=requested and guard the port",
            prefix = tls.prefix
        ));
    }
    if listeners.iter().all(|listener| listener.scheme == Scheme::Https) {
        warnings.push(format!(
            "{ROCKETMQ_PORT}={port}: this port is plain http though all listeners are https; \
             passwords and configurations pass over it unencrypted. Leave it out, or see to it \
             that only this machine reaches it"
        ));
    }
    Ok(Some(Listener { scheme: Scheme::Http, host, port }))
}

pub(super) fn parse_listeners(key: &str, uris: &[String]) -> Result<Vec<Listener>, String> {
    let parse = |uri: &String| {
        Listener::parse(uri).map_err(|why| format!("Invalid value for configuration {key}: {why}"))
    };
    uris.iter().map(parse).collect()
}

fn main_listeners(parsed: &ParsedConfig) -> Result<Vec<Listener>, String> {
    let uris = parsed.list("listeners");
    if uris.is_empty() {
        return Err("Invalid value for listeners, at least one URL is expected, ex: \
                    http://localhost:8080,https://localhost:8443."
            .to_owned());
    }
    if uris.iter().any(String::is_empty) {
        return Err("Empty URL found when parsing listeners list. Take the comma out that has \
                    nothing before or behind it"
            .to_owned());
    }
    parse_listeners("listeners", uris)
}

fn admin(props: &Props, parsed: &ParsedConfig) -> Result<Admin, String> {
    let ConfigData::List(uris) = parsed.get("admin.listeners") else {
        return Ok(Admin::WithOthers);
    };
    if uris.is_empty() {
        return Ok(Admin::Nowhere);
    }
    if uris.iter().any(String::is_empty) {
        return Err(
            "Configuration 'admin.listeners' values must not be empty. Take the comma out \
                    that has nothing before or behind it"
                .to_owned(),
        );
    }
    let mut own: Vec<Listener> = Vec::new();
    for listener in parse_listeners("admin.listeners", uris)? {
        if !own.contains(&listener) {
            own.push(listener);
        }
    }
    let tls = tls_of(&own, props, "admin.listeners.https.")?;
    Ok(Admin::Own(own, tls.map(Box::new)))
}

pub(super) fn tls_of(
    listeners: &[Listener],
    props: &Props,
    prefix: &str,
) -> Result<Option<TlsSettings>, String> {
    if !listeners.iter().any(|listener| listener.scheme == Scheme::Https) {
        return Ok(None);
    }
    tls::settings(props, prefix).map(Some)
}

/// The first listener of the protocol that is named; without a name the first http one.
fn advertised(
    parsed: &ParsedConfig,
    listeners: &[Listener],
    warnings: &mut Vec<String>,
) -> Result<Advertised, String> {
    let text = |key| parsed.string(key).map(str::trim).filter(|text| !text.is_empty());
    let protocol = text("rest.advertised.listener").map(str::to_lowercase);
    let wanted = protocol.as_deref().unwrap_or("http");
    let listener = listeners.iter().position(|listener| listener.scheme.as_str() == wanted);
    if let (None, Some(protocol)) = (listener, &protocol) {
        warnings.push(format!(
            "rest.advertised.listener={protocol}: there is no such listener, the first one is \
             advertised; write http or https"
        ));
    }
    let port = match parsed.long("rest.advertised.port") {
        None => None,
        Some(port) => Some(u16::try_from(port).map_err(|_| {
            format!(
                "Invalid value {port} for configuration rest.advertised.port: \
                 a port is a number from 0 to 65535"
            )
        })?),
    };
    Ok(Advertised {
        host: text("rest.advertised.host.name").map(str::to_owned),
        port,
        listener: listener.unwrap_or_default(),
    })
}

/// `rest.extension.classes`: the one extension there is.
fn auth(parsed: &ParsedConfig) -> Result<Option<AuthSource>, String> {
    let classes = parsed.list("rest.extension.classes");
    let file = |key| {
        let file = parsed.string(key).map(str::trim).filter(|file| !file.is_empty());
        file.map(PathBuf::from)
    };
    let simple = BASIC_AUTH.rsplit('.').next().unwrap_or_default();
    if let Some(unknown) = classes.iter().find(|class| *class != BASIC_AUTH && *class != simple) {
        return Err(format!(
            "rest.extension.classes: Failed to find any class that implements interface \
             org.apache.kafka.connect.rest.ConnectRestExtension and which name matches {unknown}. \
             There is {BASIC_AUTH}"
        ));
    }
    if classes.is_empty() {
        // Who names the users believes that the API is guarded.
        if file("gantry.rest.basic.auth.file").is_some() {
            return Err(format!(
                "gantry.rest.basic.auth.file is set and nothing asks for passwords; add \
                 rest.extension.classes={BASIC_AUTH}"
            ));
        }
        return Ok(None);
    }
    let users = file("gantry.rest.basic.auth.file").map(AuthSource::Users);
    let source = users.or_else(|| file("gantry.rest.jaas.config").map(AuthSource::Jaas));
    Ok(Some(source.unwrap_or(AuthSource::Nowhere)))
}
