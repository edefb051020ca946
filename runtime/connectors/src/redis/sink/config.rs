//! What the keys of either sink say.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::config::ConfigData;
use gantry_api::{Importance, Props, Result, Type};

use super::super::Flavour;
use super::super::charset::Charset;
use super::super::client::{Mode, Place};
use super::super::keys::Wrong;
use super::offsets::Names;
use crate::keys::Keys;

pub(super) const EXACTLY_ONCE: &str = "gantry.offsets.exactly.once";

/// What records become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Keys and values are strings as they are.
    Plain,
    /// A structure of Redis.
    Typed { to: Structure, keyspace: String, separator: String, ttl_s: i64 },
    /// The command that the value says.
    Command,
}

/// Structures of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    Hash,
    Json,
    TimeSeries,
    String,
    Stream,
    List,
    Set,
    SortedSet,
}

impl Structure {
    /// Whether records are its entries, and not keys of their own.
    pub(super) fn is_collection(self) -> bool {
        !matches!(self, Self::Hash | Self::Json | Self::String)
    }
}

/// How often and how long it is tried to connect when the task starts, after which it fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempts {
    pub(super) count: u32,
    pub(super) delay: Duration,
}

/// What the keys say.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) place: Arc<Place>,
    pub(super) charset: Charset,
    pub(super) shape: Shape,
    /// What the keys begin with under which offsets are written.
    pub(super) offsets: Option<&'static str>,
    /// Whether offsets are written with the records and count.
    pub(super) is_exact: bool,
    /// Whether a batch is one transaction.
    pub(super) is_atomic: bool,
    /// So many replicas are to have a batch, within so many milliseconds.
    pub(super) replicas: Option<(i64, i64)>,
    pub(super) attempts: Option<Attempts>,
}

impl Config {
    pub(super) fn parse(flavour: Flavour, props: &Props) -> Result<Self> {
        Ok(Self::read(flavour, props)??)
    }

    /// The outer error is of a single key, the inner one of keys together.
    pub(super) fn read(flavour: Flavour, props: &Props) -> Result<Result<Self, Wrong>> {
        Ok(match flavour {
            Flavour::Custenborder => super::custenborder::read(props)?,
            Flavour::Redis => super::redis::read(props)?,
            Flavour::Petersen => super::petersen::read(props)?,
        })
    }

    /// Under which keys a connector's offsets are, if it writes any.
    pub(super) fn names(&self, connector: &str) -> Option<Names> {
        match self.is_exact {
            true => Some(Names::Own(connector.to_owned())),
            false => self.offsets.map(Names::Shared),
        }
    }

    /// A cluster has neither transactions across its parts nor one count of replicas.
    pub(super) fn check_cluster(&self) -> Result<(), Wrong> {
        if self.place.mode == Mode::Cluster && self.is_exact {
            let text = format!(
                "Invalid value true for configuration {EXACTLY_ONCE}: a cluster has no transactions across its parts; remove it, or write to one server"
            );
            return Err(Wrong { key: EXACTLY_ONCE, text });
        }
        Ok(())
    }
}

/// The key of our own that both of the sinks that write offsets have.
pub(super) fn own(keys: &mut Keys) {
    keys.group("Gantry");
    let doc = "Whether offsets are written in the transaction of the records they are of, and read when the task starts: each record is written once, whatever dies. Not in a cluster.";
    keys.add(EXACTLY_ONCE, Type::Boolean, ConfigData::Boolean(false), Importance::Low, doc);
}
