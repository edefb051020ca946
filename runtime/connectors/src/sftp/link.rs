//! The connection that a task's thread has: opened when it is needed, and again when it broke off.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use russh::ChannelStream;
use russh::client::Msg;
use tokio::runtime::{Builder, Runtime};

use super::config::Server;
use super::keys;
use super::session::{self, Refusal, Seen, Session};
use super::wire::{Answered, Failure};
use crate::spooldir::fault::Mark;

/// A server that could not be reached is not tried again before so long, however many files wait for it.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) type Wire = super::wire::Wire<ChannelStream<Msg>>;
type Asked<'a, T> = Pin<Box<dyn Future<Output = Answered<T>> + Send + 'a>>;

/// The connection of one thread.
pub(super) struct Link {
    server: Arc<Server>,
    seen: Seen,
    /// Drives the connection also while the thread does other things, so that the server finds it alive.
    runtime: Option<Runtime>,
    session: Option<Session>,
    /// Handles of files are of one connection.
    generation: u64,
    failed: Option<(Instant, Refusal)>,
}

/// A link that open files share with their place, all on one thread.
pub(super) type Shared = Arc<Mutex<Link>>;

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}, connection {})", self.server.shown(), self.generation)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
        if let Some(runtime) = self.runtime.take() {
            // Wherever this happens: it must not wait.
            runtime.shutdown_background();
        }
    }
}

/// An error after which the same thing can be tried again.
fn away(what: String) -> io::Error {
    Mark::Away(what).into_error()
}

impl Link {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server: Arc::new(server),
            seen: Seen::default(),
            runtime: None,
            session: None,
            generation: 0,
            failed: None,
        }
    }

    fn close(&mut self) {
        // What is closed says so to the server, for which it takes a task of the runtime's.
        let _entered = self.runtime.as_ref().map(Runtime::enter);
        self.session = None;
    }

    pub(super) fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    fn runtime(&mut self) -> Result<&Runtime, Refusal> {
        if self.runtime.is_none() {
            let made = Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("sftp")
                .enable_all()
                .build();
            let failed =
                |error| Refusal::new(keys::HOST, format!("no thread for the connection: {error}"));
            self.runtime = Some(made.map_err(failed)?);
        }
        self.runtime
            .as_ref()
            .ok_or_else(|| Refusal::new(keys::HOST, "no thread for the connection"))
    }

    /// Opens the connection if there is none.
    pub(super) fn connect(&mut self) -> Result<(), Refusal> {
        if self.session.is_some() {
            return Ok(());
        }
        if let Some((_, refusal)) = self.failed.as_ref().filter(|(when, _)| when.elapsed() < AGAIN)
        {
            return Err(refusal.clone());
        }
        let (server, seen) = (Arc::clone(&self.server), Arc::clone(&self.seen));
        let opened = self.runtime()?.block_on(session::open(&server, &seen));
        match opened {
            Ok(session) => {
                self.session = Some(session);
                self.failed = None;
                self.generation += 1;
                Ok(())
            }
            Err(refusal) => {
                self.failed = Some((Instant::now(), refusal.clone()));
                Err(refusal)
            }
        }
    }

    /// Asks the server, within the time for it. `Err` within is what the server refuses.
    pub(super) fn ask<T>(
        &mut self,
        request: impl for<'a> FnOnce(&'a mut Wire) -> Asked<'a, T>,
    ) -> io::Result<T> {
        self.connect().map_err(|refusal| away(refusal.text))?;
        self.go_on(request)
    }

    /// Asks the server on the connection that there is, and on no new one.
    pub(super) fn go_on<T>(
        &mut self,
        request: impl for<'a> FnOnce(&'a mut Wire) -> Asked<'a, T>,
    ) -> io::Result<T> {
        let limit = self.server.request_timeout;
        let (Some(session), Some(runtime)) = (&mut self.session, &self.runtime) else {
            return Err(away(format!("the connection to {} broke off", self.server.shown())));
        };
        // Made where the clock is that it needs.
        let answered = runtime
            .block_on(async { tokio::time::timeout(limit, request(&mut session.wire)).await });
        let what = match answered {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(Failure::Refused(error))) => return Err(error),
            Ok(Err(Failure::Broken(what))) => what,
            Err(_) => {
                format!("no answer within {} ms ({})", limit.as_millis(), keys::REQUEST_TIMEOUT)
            }
        };
        self.close();
        Err(away(format!("the connection to {} broke off: {what}", self.server.shown())))
    }
}
