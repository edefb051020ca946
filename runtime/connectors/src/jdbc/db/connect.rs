//! Opening connections.

use std::sync::mpsc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use gantry_api::CancellationToken;

use super::dialect::Dialect;
use super::error::{SqlError, SqlResult};
use super::url::Target;
use super::{Session, mysql, postgres, sqlite};

/// Where a database is, and who asks.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) target: Target,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({:?})", self.target)
    }
}

/// The longest part of a wait after which it is looked whether to go on.
const WAIT_PART: Duration = Duration::from_millis(100);

/// How long a database may take to answer who cannot wait.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// A connection that was used since then is there.
const IDLE: Duration = Duration::from_secs(10);

impl Access {
    /// A connection, at the first try.
    pub(crate) fn open(&self) -> SqlResult<Box<dyn Session>> {
        Ok(match self.target.dialect {
            Dialect::MySql | Dialect::MariaDb => Box::new(mysql::MySql::open(self)?),
            Dialect::PostgreSql => Box::new(postgres::Postgres::open(self)?),
            Dialect::Sqlite => Box::new(sqlite::Sqlite::open(self)?),
        })
    }

    /// The same for who cannot wait long: a server may take a connection and then say nothing.
    pub(crate) fn open_soon(&self) -> SqlResult<Box<dyn Session>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let access = self.clone();
        let begun = thread::Builder::new().name("jdbc-connect".to_owned()).spawn(move || {
            // Nobody to give it to if it came too late.
            drop(sender.send(access.open()));
        });
        begun.map_err(|error| SqlError::Connection(format!("no thread to connect: {error}")))?;
        receiver.recv_timeout(ANSWER_LIMIT).unwrap_or_else(|_| {
            let limit_s = ANSWER_LIMIT.as_secs();
            let text = format!("no answer within {limit_s} s: is it a server of this database?");
            Err(SqlError::Connection(text))
        })
    }

    /// Who asks: the key's user or the URL's.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref().or_else(|| self.target.param("user"))
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref().or_else(|| self.target.param("password"))
    }
}

/// How often and how long it is tried to connect.
#[derive(Clone, Debug)]
pub(crate) struct Connecting {
    pub(crate) access: Access,
    pub(crate) attempts: i64,
    pub(crate) backoff: Duration,
}

impl Connecting {
    /// A connection, or the error of the last attempt. It ends early when it is cancelled, and when no further
    /// attempt can succeed.
    pub(crate) fn open(&self, cancel: &CancellationToken) -> SqlResult<Box<dyn Session>> {
        let mut attempt = 1;
        loop {
            let error = match self.access.open() {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            if attempt >= self.attempts || cancel.is_cancelled() || error.is_permanent() {
                return Err(error);
            }
            tracing::info!(
                %error,
                "Unable to connect to database on attempt {attempt}/{}. Will retry in {} ms.",
                self.attempts,
                self.backoff.as_millis()
            );
            wait(self.backoff, cancel);
            attempt += 1;
        }
    }
}

/// A connection that is kept between uses.
pub(crate) struct Kept {
    session: Option<Box<dyn Session>>,
    used: Instant,
}

impl Kept {
    /// None as yet.
    pub(crate) fn new() -> Self {
        Self { session: None, used: Instant::now() }
    }

    /// The connection, or another one: nothing came through it for a while, and it is gone without a word.
    pub(crate) fn get(
        &mut self,
        open: impl FnOnce() -> SqlResult<Box<dyn Session>>,
    ) -> SqlResult<&mut dyn Session> {
        if self.used.elapsed() > IDLE {
            self.drop_broken();
        }
        self.used = Instant::now();
        let session = match self.session.take() {
            Some(session) => session,
            None => open()?,
        };
        Ok(&mut **self.session.insert(session))
    }

    /// The connection that is there: who asks has just got it.
    pub(crate) fn session(&mut self) -> SqlResult<&mut dyn Session> {
        match &mut self.session {
            Some(session) => Ok(&mut **session),
            None => Err(SqlError::Connection("there is no connection".to_owned())),
        }
    }

    /// Whether there was one that is of no more use.
    pub(crate) fn drop_broken(&mut self) -> bool {
        let is_broken = self.session.as_mut().is_some_and(|session| session.is_broken());
        if is_broken {
            self.session = None;
        }
        is_broken
    }

    /// The next one is another.
    pub(crate) fn close(&mut self) {
        self.session = None;
    }
}

/// Waits, unless it is cancelled: then only a moment longer.
pub(crate) fn wait(time: Duration, cancel: &CancellationToken) {
    let mut left = time;
    while !left.is_zero() && !cancel.is_cancelled() {
        let part = left.min(WAIT_PART);
        sleep(part);
        left -= part;
    }
}
