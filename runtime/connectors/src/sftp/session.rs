//! The SSH connection: whose key the server has, and who logs in how.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelStream, MethodKind, Preferred};

use super::config::{HostKeys, Server};
use super::keys;
use super::wire::{Failure, Wire};

/// Questions that a server may ask one after the other before it lets a user in.
const PROMPTS_MAX: usize = 5;
/// A connection without a sign of life is given up after so many requests for one.
const SILENT_MAX: usize = 3;

/// Why there is no connection, and the key that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) key: &'static str,
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(key: &'static str, text: impl Into<String>) -> Self {
        Self { key, text: text.into() }
    }
    /// Whether it may well be otherwise in a while.
    pub(super) fn is_away(&self) -> bool {
        self.key == keys::HOST
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text)
    }
}

/// A connection that is open.
pub(super) struct Session {
    /// Holds the connection open.
    _handle: Handle<Guard>,
    pub(super) wire: Wire<ChannelStream<Msg>>,
}

/// The key that the server showed first; another one later is not taken.
pub(super) type Seen = Arc<Mutex<Option<PublicKey>>>;

/// Looks at the server's key.
pub(super) struct Guard {
    server: Arc<Server>,
    seen: Seen,
    objection: Arc<Mutex<Option<Refusal>>>,
}

fn set<T>(cell: &Mutex<T>, value: T) {
    *cell.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

fn get<T: Clone>(cell: &Mutex<T>) -> T {
    cell.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

impl Guard {
    fn check(&self, key: &PublicKey) -> Result<(), Refusal> {
        let shown = format!("{} {}", key.algorithm(), fingerprint(key));
        self.server.host_keys.check(&self.server, key)?;
        match get(&self.seen) {
            Some(first) if first.key_data() != key.key_data() => Err(Refusal::new(
                keys::HOST_KEYS,
                format!(
                    "The host key of {} has changed while the task ran: it was {} {}, and now it is {shown}. If \
                     that is right, restart the task",
                    self.server.shown(),
                    first.algorithm(),
                    fingerprint(&first),
                ),
            )),
            Some(_) => Ok(()),
            None => {
                if self.server.host_keys == HostKeys::Any {
                    tracing::warn!(
                        server = self.server.shown(),
                        "the server's host key is taken as it comes: {shown}. Set {} to it, or {}, so that no other \
                         server can take its place",
                        keys::HOST_KEYS,
                        keys::KNOWN_HOSTS
                    );
                }
                set(&self.seen, Some(key.clone()));
                Ok(())
            }
        }
    }
}

impl client::Handler for Guard {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        // Certificates are not asked for.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        match self.check(key) {
            Ok(()) => Ok(true),
            Err(refusal) => {
                set(&self.objection, Some(refusal));
                Ok(false)
            }
        }
    }
}

/// Opens a connection, within the time for it.
pub(super) async fn open(server: &Arc<Server>, seen: &Seen) -> Result<Session, Refusal> {
    let limit = server.connect_timeout;
    tokio::time::timeout(limit, connect(server, seen)).await.unwrap_or_else(|_| {
        Err(Refusal::new(
            keys::HOST,
            format!(
                "{} did not answer within {} ms ({})",
                server.shown(),
                limit.as_millis(),
                keys::CONNECT_TIMEOUT
            ),
        ))
    })
}

fn config(server: &Server) -> Arc<client::Config> {
    let mut preferred = Preferred::default();
    // A server with several keys is asked for one that is known.
    let known = server.host_keys.algorithms(server);
    let mut algorithms: Vec<Algorithm> = preferred.key.to_vec();
    algorithms.sort_by_key(|algorithm| {
        !known.iter().any(|known| match (known, algorithm) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
            (known, algorithm) => known == algorithm,
        })
    });
    preferred.key = algorithms.into();
    Arc::new(client::Config {
        preferred,
        keepalive_interval: Some(server.request_timeout.max(Duration::from_secs(1))),
        keepalive_max: SILENT_MAX,
        nodelay: true,
        ..client::Config::default()
    })
}

async fn connect(server: &Arc<Server>, seen: &Seen) -> Result<Session, Refusal> {
    let shown = server.shown();
    let away =
        |what: String| Refusal::new(keys::HOST, format!("{shown} cannot be reached: {what}"));
    let objection = Arc::new(Mutex::new(None));
    let guard = Guard {
        server: Arc::clone(server),
        seen: Arc::clone(seen),
        objection: Arc::clone(&objection),
    };
    let address = (server.host.as_str(), server.port);
    let mut handle = match client::connect(config(server), address, guard).await {
        Ok(handle) => handle,
        Err(error) => return Err(get(&objection).unwrap_or_else(|| away(error.to_string()))),
    };
    log_in(server, &mut handle).await?;
    let mut channel =
        handle.channel_open_session().await.map_err(|error| away(error.to_string()))?;
    let asked = channel.request_subsystem(true, "sftp").await;
    asked.map_err(|error| away(error.to_string()))?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => break,
            Some(ChannelMsg::Failure) | None => {
                return Err(Refusal::new(
                    keys::HOST,
                    format!(
                        "{shown} has no SFTP: it does not let {} use the subsystem sftp",
                        server.user
                    ),
                ));
            }
            Some(_) => {}
        }
    }
    let wire = Wire::open(channel.into_stream()).await.map_err(|failure| match failure {
        Failure::Broken(what) => away(what),
        Failure::Refused(error) => away(error.to_string()),
    })?;
    Ok(Session { _handle: handle, wire })
}

/// Logs in with the private key, and with the password.
async fn log_in(server: &Server, handle: &mut Handle<Guard>) -> Result<(), Refusal> {
    let broke = |error: russh::Error| {
        Refusal::new(keys::HOST, format!("{} broke off the login: {error}", server.shown()))
    };
    let mut tried = Vec::new();
    if let Some(key) = &server.private_key {
        let hash = handle.best_supported_rsa_hash().await.map_err(broke)?;
        let hash = hash.unwrap_or(Some(HashAlg::Sha256));
        let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
        let result = handle.authenticate_publickey(&server.user, key).await.map_err(broke)?;
        if result.success() {
            return Ok(());
        }
        tried.push(keys::PRIVATE_KEY);
    }
    if let Some(password) = &server.password {
        match handle.authenticate_password(&server.user, password.expose()).await.map_err(broke)? {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, .. } => {
                if remaining_methods.contains(&MethodKind::KeyboardInteractive)
                    && answer(server, handle, password.expose()).await.map_err(broke)?
                {
                    return Ok(());
                }
            }
        }
        tried.push(keys::PASSWORD);
    }
    if handle.is_closed() {
        let what = format!("{} broke off the login", server.shown());
        return Err(Refusal::new(keys::HOST, what));
    }
    Err(Refusal::new(
        tried.last().copied().unwrap_or(keys::PASSWORD),
        match tried.is_empty() {
            true => format!("{} or {} has to be set to log in", keys::PASSWORD, keys::PRIVATE_KEY),
            false => format!(
                "{} does not let the user {} in with what stands in {}",
                server.shown(),
                server.user,
                tried.join(" and in ")
            ),
        },
    ))
}

/// Answers the server's question for the password, if it asks for nothing else.
async fn answer(
    server: &Server,
    handle: &mut Handle<Guard>,
    password: &str,
) -> Result<bool, russh::Error> {
    let mut said = handle.authenticate_keyboard_interactive_start(&server.user, None).await?;
    for _ in 0..PROMPTS_MAX {
        let prompts = match said {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
        };
        // What is asked for in the open is no password.
        let answers = prompts.iter().map(|prompt| match prompt.echo {
            true => String::new(),
            false => password.to_owned(),
        });
        said = handle.authenticate_keyboard_interactive_respond(answers.collect()).await?;
    }
    Ok(false)
}
