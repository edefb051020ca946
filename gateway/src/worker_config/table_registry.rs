//! Worker keys of the schema registry in a worker.

use gantry_model::config::Importance::{Low, Medium};
use gantry_model::config::Type;

use super::row::Check::{Any, AnyCase, SomeEntries};
use super::row::Value::{Bool, Null, Text};
use super::row::{Row, used};

/// Compatibility levels, as Confluent's registry names them.
const LEVELS: &[&str] = &[
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
];

/// Keys of our own, beginning with `gantry.schema.registry.`.
pub(crate) const REGISTRY: &[Row] = &[
    used(
        "gantry.schema.registry.enable",
        Bool(true),
        Medium,
        Any,
        "Whether the worker serves a schema registry, too, over its own log. Until somebody asks it for something it makes no topic and costs next to nothing.",
    ),
    used(
        "gantry.schema.registry.listeners",
        Null(Type::List),
        Medium,
        SomeEntries,
        "Where the schema registry listens, as `listeners`. Not set: on port 8081, with scheme and host of the first of `listeners`; when something listens there already, the worker warns and goes on without a registry. Set: the start fails then. HTTPS takes the keys behind `gantry.schema.registry.listeners.https.`, else those of the REST API's listeners. `access.control.*` and `response.http.headers.config` hold here, too, and basic authentication of the REST API asks here for the same users.",
    ),
    used(
        "gantry.schema.registry.topic",
        Text("_schemas"),
        Low,
        Any,
        "The topic that holds all schemas, compacted and with one queue. Registries on one log with one topic are one registry. No connector writes to it.",
    ),
    used(
        "gantry.schema.registry.compatibility.level",
        Text("BACKWARD"),
        Low,
        AnyCase(LEVELS),
        "The compatibility level of subjects where no config sets one.",
    ),
    used(
        "gantry.schema.registry.mode.mutability",
        Bool(true),
        Low,
        Any,
        "Whether modes (READONLY, IMPORT and so on) may be changed.",
    ),
    used(
        "gantry.schema.registry.rights.file",
        Null(Type::String),
        Medium,
        Any,
        "A JSON file of users with passwords or tokens, and of what each may do with which subjects. With it everybody has to say who they are. It is read again when it changes. docs/schema-registry.md has its form.",
    ),
    used(
        "gantry.schema.registry.realm",
        Text("SR"),
        Low,
        Any,
        "What `WWW-Authenticate` names as the realm when nobody known asks.",
    ),
];
