//! Connections to the server, and what its errors mean.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, DriverError, Opts, OptsBuilder, SslOpts};

use crate::error::StreamsError;
use crate::settings::MySqlStore;

/// A connection, and what the server takes at once on it.
pub(super) struct Connection {
    pub(super) conn: Conn,
    pub(super) packet_bytes: usize,
    used: Instant,
}

/// Reaches one database.
pub(super) struct Client {
    opts: Opts,
    place: String,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<Connection>>,
}

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest wait for the server in the middle of something.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The same where it does not even take what is sent.
const SENT_LIMIT_MS: u32 = 30_000;
/// A connection that was not used for so long is asked first whether it is still there.
const IDLE_CHECK: Duration = Duration::from_secs(10);
/// So many wait for work; more are closed.
const IDLE_MAX: usize = 16;
/// Kept for each connection: each text of a statement once, of those that write several rows some.
const STATEMENTS: usize = 48;
/// The server takes a connection for dead that says nothing for so long, and lets go of its locks. It
/// waits for the locks of others so long.
const SESSION: &str = "SET SESSION wait_timeout = 60, innodb_lock_wait_timeout = 10, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";
/// Rows are locked by their keys only: with the gaps between them, tasks would wait for each other.
const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

impl Client {
    /// Nothing is connected yet.
    pub(super) fn new(store: &MySqlStore) -> Result<Self, StreamsError> {
        let refused = |reason: String| StreamsError::Setting {
            key: "gantry.state.mysql.url".to_owned(),
            value: store.to_string(),
            reason,
        };
        // What the parser says may have the password in it.
        let opts = Opts::from_url(store.url()).map_err(|_| {
            refused("is no URL as mysql://user:password@host:port/database".to_owned())
        })?;
        if let Some(Some(file)) = store.tls()
            && let Err(error) = std::fs::File::open(file)
        {
            return Err(StreamsError::Setting {
                key: "gantry.state.mysql.tls.ca.file".to_owned(),
                value: file.display().to_string(),
                reason: format!("cannot be read: {error}"),
            });
        }
        let tls = store.tls().map(|ca_file| {
            // The client takes what the process has; a program that has chosen keeps its choice.
            let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
            let all = SslOpts::default();
            match ca_file {
                Some(file) => all.with_root_cert_path(Some(file.to_owned())),
                None => all,
            }
        });
        let (host, port) = (opts.get_ip_or_hostname().into_owned(), opts.get_tcp_port());
        let database = opts.get_db_name().unwrap_or_default().to_owned();
        let opts = OptsBuilder::from_opts(opts)
            .ssl_opts(tls)
            .prefer_socket(false)
            .tcp_connect_timeout(Some(CONNECT_LIMIT))
            .read_timeout(Some(ANSWER_LIMIT))
            .write_timeout(Some(ANSWER_LIMIT))
            .tcp_user_timeout_ms(Some(SENT_LIMIT_MS))
            .stmt_cache_size(STATEMENTS)
            .init(vec![SESSION, ISOLATION]);
        let place = format!("database {database} on {host}:{port}");
        Ok(Self { opts: opts.into(), place, idle: Mutex::default() })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn connect(&self) -> Result<Connection, mysql::Error> {
        let mut conn = Conn::new(self.opts.clone())?;
        let packet_bytes = conn.query_first("SELECT @@max_allowed_packet")?.unwrap_or(1 << 20);
        Ok(Connection { conn, packet_bytes, used: Instant::now() })
    }

    fn take(&self) -> Result<Connection, mysql::Error> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut connection) = idle else { return self.connect() };
            if connection.used.elapsed() < IDLE_CHECK || connection.conn.ping().is_ok() {
                return Ok(connection);
            }
            // Each of the others would be waited for as long.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Does something on a connection. One on which it failed is used no more: what is open on it
    /// ends with it.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, StreamsError> {
        let mut connection = self.take().map_err(|error| self.error(&error))?;
        let done = match work(&mut connection) {
            Ok(done) => done,
            Err(Fault::Server(error)) => {
                // The others are most likely gone with it.
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return Err(self.error(&error));
            }
            Err(Fault::State(reason)) => return Err(self.state(reason)),
        };
        connection.used = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(done)
    }

    /// What is there is not what should be.
    fn state(&self, reason: String) -> StreamsError {
        StreamsError::Database { database: self.place.clone(), reason, is_retriable: false }
    }

    fn error(&self, error: &mysql::Error) -> StreamsError {
        let (reason, advice, is_retriable) = meaning(error);
        let reason = if advice.is_empty() { reason } else { format!("{reason}. {advice}") };
        StreamsError::Database { database: self.place.clone(), reason, is_retriable }
    }
}

/// Why something did not go on.
pub(super) enum Fault {
    Server(mysql::Error),
    /// What to say.
    State(String),
}

impl<E: Into<mysql::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Server(error.into())
    }
}

/// How the client says that something is larger than the server takes.
const TOO_LARGE: &str = "larger than max_allowed_packet";
const PACKET: &str = "Let max_allowed_packet of the server be larger than any entry of state";

/// What an error of the server or on the way to it says, what to do, and whether it may pass.
fn meaning(error: &mysql::Error) -> (String, &'static str, bool) {
    const REACH: &str = "See that the server runs and is reached from here under that name and port, which gantry.state.mysql.url says";
    let server = match error {
        mysql::Error::MySqlError(server) => server,
        error if is_tls(error) => {
            let advice = "See that the server's certificate is for that host, and that gantry.state.mysql.tls.ca.file has who signed it";
            return (error_text(error), advice, false);
        }
        mysql::Error::DriverError(DriverError::TlsNotSupported) => {
            let advice = "Switch TLS on there, or off in gantry.state.mysql.tls";
            return ("the server takes no TLS".to_owned(), advice, false);
        }
        mysql::Error::DriverError(
            DriverError::ConnectTimeout | DriverError::CouldNotConnect(_),
        )
        | mysql::Error::IoError(_) => return (error_text(error), REACH, true),
        mysql::Error::CodecError(error) if error.to_string().contains(TOO_LARGE) => {
            return (error.to_string(), PACKET, false);
        }
        // A connection that broke in the middle of an answer.
        mysql::Error::CodecError(_)
        | mysql::Error::DriverError(
            DriverError::Timeout | DriverError::PacketOutOfSync | DriverError::UnexpectedPacket,
        ) => return (error_text(error), REACH, true),
        _ => return (error_text(error), "", false),
    };
    let (advice, is_retriable) = match server.code {
        1044 | 1045 | 1142 | 1227 | 1698 => (
            "See that user and password in gantry.state.mysql.url are right, and that the user may SELECT, INSERT, UPDATE, DELETE and CREATE there",
            false,
        ),
        1049 => ("Make the database; the tables in it are made by the job", false),
        1146 => ("Somebody took the tables of the job away: bring them back from a copy", false),
        1153 => (PACKET, false),
        // Too many connections, of the server or of the user; the server ends; it is full; locks of
        // others; a connection that was ended; the server is read-only while another takes over; a
        // table was changed meanwhile; a group of servers did not agree; too many prepared statements.
        1021
        | 1040
        | 1053
        | 1114
        | 1129
        | 1158..=1161
        | 1180
        | 1203
        | 1205
        | 1213
        | 1226
        | 1290
        | 1317
        | 1412
        | 1461
        | 1615
        | 1836
        | 1927
        | 1969
        | 3024
        | 3100
        | 3101
        | 4031 => ("", true),
        _ => ("", server.state == "08S01"),
    };
    (format!("{} (error {})", server.message, server.code), advice, is_retriable)
}

/// What went wrong below the protocol.
fn io_error(error: &mysql::Error) -> Option<&std::io::Error> {
    match error {
        mysql::Error::IoError(error) => Some(error),
        mysql::Error::CodecError(error) => std::error::Error::source(error)?.downcast_ref(),
        _ => None,
    }
}

/// Whether the two did not come to terms about TLS.
fn is_tls(error: &mysql::Error) -> bool {
    let inner = io_error(error).and_then(std::io::Error::get_ref);
    let inner = inner.is_some_and(|inner| inner.is::<tokio_rustls::rustls::Error>());
    inner || matches!(error, mysql::Error::TlsError(_))
}

fn error_text(error: &mysql::Error) -> String {
    if let Some(error) = io_error(error) {
        return error.to_string();
    }
    match error {
        mysql::Error::CodecError(error) => error.to_string(),
        mysql::Error::DriverError(error) => error.to_string(),
        mysql::Error::TlsError(error) => error.to_string(),
        error => error.to_string(),
    }
}
