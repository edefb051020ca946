//! Where Java plugins live: the JVM of this process, started when the first of them is needed, or
//! one in a child process that a connector has for itself.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use gantry_api::{Error, Isolation, Result, Str};

use crate::caller::SyncCaller;
use crate::child::{ChildChannel, ChildInterrupter, ChildJvm};
use crate::jars;
use crate::jvm::{self, Java, JniChannel, Jvm, Places, find_java};
use crate::plugins::{Location, OURS};
use crate::targets;
use crate::wire::{Failure, Operation, Writer};

/// So many channels for short calls are kept for the next ones.
const IDLE_CHANNELS_MAX: usize = 4;

/// What a worker's keys and environment say about Java.
#[derive(Clone, Debug, Default)]
pub struct JavaSettings {
    /// `gantry.java.home`: where Java is; nowhere else is looked then.
    pub java_home: Option<PathBuf>,
    /// `JAVA_HOME` of the environment.
    pub environment_java_home: Option<PathBuf>,
    /// `PATH` of the environment.
    pub environment_path: Option<OsString>,
    /// `gantry.jvm.options`: what the JVM is started with, behind our own options.
    pub options: Vec<String>,
    /// Where jars of ours and the index of plugins are kept.
    pub dir: PathBuf,
}

/// The process of one connector. Who starts it holds this one's lock, and nobody else waits.
type Slot = Arc<Mutex<Weak<Home>>>;

/// The home of a process, which may not have begun yet.
#[derive(Debug)]
pub(crate) struct Homes {
    settings: JavaSettings,
    /// A process can have one JVM: one that did not start is not tried again.
    shared: Mutex<Option<Result<Arc<Home>>>>,
    /// Those of connectors that have a process of their own.
    children: Mutex<HashMap<Str, Slot>>,
    log_levels: Arc<Mutex<Vec<(String, u8)>>>,
}

impl Homes {
    pub(crate) fn new(settings: JavaSettings) -> Self {
        Self {
            settings,
            shared: Mutex::default(),
            children: Mutex::default(),
            log_levels: Arc::default(),
        }
    }

    /// The JVM of this process; starts it if need be, which takes a tenth of a second. No Java at
    /// all is not held against a later call: it may be installed by then.
    pub(crate) fn shared(&self) -> Result<Arc<Home>> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*shared {
            return known.clone();
        }
        let (java, jars) = self.java()?;
        let started = Jvm::start(&java, &jars, &self.settings.options, targets::answer);
        if started.is_ok() {
            tracing::info!(java = %java.home.display(), version = java.version, "JVM started");
        }
        let home = started.map(|jvm| Arc::new(Home::new(Kind::Shared(Arc::new(jvm)), Vec::new())));
        if let Ok(home) = &home {
            home.set_log_levels(&self.log_levels());
        }
        *shared = Some(home.clone());
        home
    }

    /// The Java to run, and the class path of our side.
    fn java(&self) -> Result<(Java, Vec<PathBuf>)> {
        let java = find_java(&Places {
            configured: self.settings.java_home.clone(),
            java_home: self.settings.environment_java_home.clone(),
            path: self.settings.environment_path.clone(),
        })?;
        Ok((java, jars::class_path(&self.settings.dir)?))
    }

    /// Where a connector is to live.
    pub(crate) fn of(&self, connector: &Str, isolation: &Isolation) -> Result<Arc<Home>> {
        match isolation {
            Isolation::Shared => self.shared(),
            Isolation::Process { jvm_options } => self.child(connector, jvm_options),
        }
    }

    /// The process of a connector, shared by it and its tasks here; another one when it has ended.
    fn child(&self, connector: &Str, jvm_options: &[String]) -> Result<Arc<Home>> {
        let slot = {
            let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            let is_used =
                |slot: &Slot| slot.try_lock().map_or(true, |home| home.strong_count() > 0);
            children.retain(|_, slot| Arc::strong_count(slot) > 1 || is_used(slot));
            Arc::clone(children.entry(connector.clone()).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let options = [self.settings.options.as_slice(), jvm_options].concat();
        let known = slot.upgrade();
        if let Some(home) = known.filter(|home| home.is_alive() && home.options == options) {
            return Ok(home);
        }
        let (java, jars) = self.java()?;
        let child = ChildJvm::start(&java, &jars, &options, connector)?;
        let home = Arc::new(Home::new(Kind::Child(Arc::new(child)), options));
        home.set_log_levels(&self.log_levels());
        *slot = Arc::downgrade(&home);
        Ok(home)
    }

    fn log_levels(&self) -> Vec<(String, u8)> {
        self.log_levels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the class loader of a location, on a thread of its own, as files are closed with it.
    pub(crate) fn forget(&self, location: u32) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(Ok(home)) = shared {
            let forget = move || home.forget(location);
            let thread = std::thread::Builder::new().name("java-forget".to_owned()).spawn(forget);
            if let Err(error) = thread {
                tracing::warn!(%error, "a class loader stays open");
            }
        }
    }

    /// Of all that has begun, and of what will.
    pub(crate) fn set_log_levels(&self, levels: Vec<(String, u8)>) {
        self.log_levels.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&levels);
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let children: Vec<Slot> = {
            let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            children.values().map(Arc::clone).collect()
        };
        let shared = shared.and_then(Result::ok);
        if shared.is_none() && children.is_empty() {
            return;
        }
        // On a thread of its own: a JVM that does not answer holds up nobody who sets a level.
        let latest = Arc::clone(&self.log_levels);
        let tell = move || {
            let child = |slot: Slot| slot.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
            for home in shared.into_iter().chain(children.into_iter().filter_map(child)) {
                let levels = latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                home.set_log_levels(&levels);
            }
        };
        let thread = std::thread::Builder::new().name("java-log-levels".to_owned()).spawn(tell);
        if let Err(error) = thread {
            tracing::warn!(%error, "levels of Java's loggers were not changed");
        }
    }
}

#[derive(Debug)]
enum Kind {
    Shared(Arc<Jvm>),
    Child(Arc<ChildJvm>),
}

/// A way into a JVM.
#[derive(Debug)]
pub(crate) enum Channel {
    Jni(JniChannel),
    Child(ChildChannel),
}

impl Channel {
    /// One call. The outer error is ours, the inner one what Java has thrown.
    pub(crate) fn call(
        &mut self,
        operation: Operation,
        handle: i64,
        request: &[u8],
    ) -> Result<Result<Bytes, Failure>> {
        let length = i32::try_from(request.len()).map_err(|_| {
            Error::connect(format!("A frame of {} bytes is too large for Java", request.len()))
        })?;
        match self {
            Self::Jni(channel) => channel.call(operation, handle, request, length),
            Self::Child(channel) => channel.call(operation, handle, request, length),
        }
    }
    pub(crate) fn interrupter(&self) -> Interrupter {
        match self {
            Self::Jni(channel) => Interrupter::Jni(channel.interrupter()),
            Self::Child(channel) => Interrupter::Child(channel.interrupter()),
        }
    }
}

/// Interrupts a call from another thread.
#[derive(Clone, Debug)]
pub(crate) enum Interrupter {
    Jni(jvm::Interrupter),
    Child(ChildInterrupter),
}

impl Interrupter {
    pub(crate) fn interrupt(&self) {
        match self {
            Self::Jni(interrupter) => interrupter.interrupt(),
            Self::Child(interrupter) => interrupter.interrupt(),
        }
    }
}

/// A JVM with plugins in it.
#[derive(Debug)]
pub(crate) struct Home {
    kind: Kind,
    /// What a child was started with.
    options: Vec<String>,
    /// The locations that it was told of.
    told: Mutex<HashSet<u32>>,
    idle: Mutex<Vec<Channel>>,
    /// Grows each time its heap was full.
    generation: AtomicU64,
}

impl Home {
    fn new(kind: Kind, options: Vec<String>) -> Self {
        Self {
            kind,
            options,
            told: Mutex::default(),
            idle: Mutex::default(),
            generation: AtomicU64::new(0),
        }
    }

    pub(crate) fn channel(&self) -> Result<Channel> {
        match &self.kind {
            Kind::Shared(jvm) => JniChannel::open(Arc::clone(jvm)).map(Channel::Jni),
            Kind::Child(child) => child.channel().map(Channel::Child),
        }
    }

    /// A call has not come back, and nobody waits for it any more: a process that a connector has
    /// for itself ends with it. In the JVM of this process the thread stays.
    pub(crate) fn retire(&self) {
        if let Kind::Child(child) = &self.kind {
            child.kill();
        }
    }

    /// Tells somebody when it has ended by itself; the JVM of this process does so only with it.
    pub(crate) fn on_end(&self, watcher: impl FnOnce(Error) + Send + 'static) {
        if let Kind::Child(child) = &self.kind {
            child.on_end(watcher);
        }
    }

    fn is_alive(&self) -> bool {
        match &self.kind {
            Kind::Shared(_) => true,
            Kind::Child(child) => child.is_alive(),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Whether its heap was not full since then: an OutOfMemoryError may have hit any thread,
    /// and left anything half done.
    pub(crate) fn check(&self, since: u64) -> Result<()> {
        if self.generation() == since {
            return Ok(());
        }
        let text = "The JVM ran out of memory, in this task or in another that shares it. Give it \
                    more (-Xmx in gantry.jvm.options), or a connector a process of its own \
                    (gantry.task.isolation=process)";
        Err(Error::java("java.lang.OutOfMemoryError", text))
    }

    pub(crate) fn ran_out_of_memory(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        tracing::error!("the JVM has run out of memory: its tasks fail, and start again");
    }

    /// A short call on this thread, which may block.
    pub(crate) fn call(
        self: &Arc<Self>,
        operation: Operation,
        handle: i64,
        request: &Writer,
    ) -> Result<Bytes> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let channel = idle.map_or_else(|| self.channel(), Ok)?;
        let mut caller = SyncCaller::over(self, channel);
        let reply = caller.call(operation, handle, request.as_bytes());
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CHANNELS_MAX {
            idle.push(caller.into_channel());
        }
        reply
    }

    fn forget(self: &Arc<Self>, location: u32) {
        if !self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(&location) {
            return;
        }
        let mut out = Writer::new();
        out.varint(location as usize);
        if let Err(error) = self.call(Operation::RemoveLocation, 0, &out) {
            tracing::warn!(%error, "a class loader stays open");
        }
    }

    fn set_log_levels(self: &Arc<Self>, levels: &[(String, u8)]) {
        let mut out = Writer::new();
        out.varint(levels.len());
        for (name, level) in levels {
            out.str(name).u8(*level);
        }
        if let Err(error) = self.call(Operation::LogLevels, 0, &out) {
            tracing::warn!(%error, "levels of Java's loggers were not changed");
        }
    }

    /// Makes a location known, whose plugins can be named then.
    pub(crate) fn tell(self: &Arc<Self>, location: &Location) -> Result<()> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if location.id == OURS || told.contains(&location.id) {
            return Ok(());
        }
        let mut out = Writer::new();
        out.varint(location.id as usize).str(&location.path.display().to_string());
        out.varint(location.urls.len());
        location.urls.iter().for_each(|url| {
            out.str(url);
        });
        self.call(Operation::AddLocation, 0, &out)?;
        told.insert(location.id);
        Ok(())
    }
}
