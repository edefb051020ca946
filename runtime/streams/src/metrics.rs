//! What a job says of itself: by operator, and as text for Prometheus.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::rc::Rc;

use gantry_log::Str;

use crate::runtime::{StandbyStatus, TaskStatus};
use crate::topology::graph::{Graph, Place, SubTopology};

/// What an operator of a task did since the task started here.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OperatorStatus {
    /// Its name, as [`Topology::describe`](crate::Topology::describe) has it.
    pub name: String,
    /// Records that it took: a source those of its topic.
    pub records_in: u64,
    /// Records that it gave on: a sink those that it wrote.
    pub records_out: u64,
    /// Records that came too late for its windows.
    pub late: u64,
    /// Entries of its state in memory.
    pub state_entries: usize,
}

/// How often something happened, counted where it happens.
pub(crate) type Counter = Rc<Cell<u64>>;

/// Where the records of an operator come from.
enum Feed {
    Topic(Str),
    /// By their places among the operators of the task; one that gives them to two inputs of it is
    /// there twice.
    Operators(Vec<usize>),
}

struct Metered {
    name: Str,
    feed: Feed,
    /// What it gave on; none of those that write.
    out: Option<Counter>,
    stores: Vec<Str>,
}

/// The operators of one task, to be looked at. What each took follows from what those in front of
/// it gave on: so a record is counted once on its way from one to the other.
pub(crate) struct Meter(Vec<Metered>);

impl Meter {
    pub(crate) fn new(
        graph: &Graph,
        sub: &SubTopology,
        counters: &BTreeMap<usize, Counter>,
    ) -> Self {
        let metered = sub.nodes.iter().map(|id| {
            let node = &graph.nodes[*id];
            let parents = node.parents.iter();
            let place = |(parent, _): &(usize, usize)| sub.nodes.iter().position(|n| n == parent);
            let feed = match &node.place {
                Place::Source(topic) | Place::Shuffle(topic) => Feed::Topic(Str::clone(topic)),
                _ => Feed::Operators(parents.filter_map(place).collect()),
            };
            let out = counters.get(id).map(Rc::clone);
            let (name, stores) = (Str::from(&*node.name), node.stores.clone());
            Metered { name, feed, out, stores }
        });
        Self(metered.collect())
    }

    /// What each did; with what was taken of topics, what was late, and the sizes of stores.
    pub(crate) fn read(
        &self,
        taken: &BTreeMap<Str, u64>,
        late: &BTreeMap<Str, u64>,
        entries: impl Fn(&Str) -> usize,
    ) -> Vec<OperatorStatus> {
        let out = |at: &usize| self.0[*at].out.as_ref().map_or(0, |counter| counter.get());
        let statuses = self.0.iter().map(|metered| {
            let records_in = match &metered.feed {
                Feed::Topic(topic) => taken.get(topic).copied().unwrap_or(0),
                Feed::Operators(operators) => operators.iter().map(out).sum(),
            };
            OperatorStatus {
                name: metered.name.to_string(),
                records_in,
                records_out: metered.out.as_ref().map_or(records_in, |counter| counter.get()),
                late: late.get(&metered.name).copied().unwrap_or(0),
                state_entries: metered.stores.iter().map(&entries).sum(),
            }
        });
        statuses.collect()
    }
}

/// A family of samples: its name, its help, its type, and the value of one.
type Family<T> = (&'static str, &'static str, &'static str, fn(&T) -> Option<String>);

fn some(value: impl Display) -> Option<String> {
    Some(value.to_string())
}

fn seconds(thousandths: i64) -> Option<String> {
    let (sign, size) = (if thousandths < 0 { "-" } else { "" }, thousandths.unsigned_abs());
    Some(format!("{sign}{}.{:03}", size / 1_000, size % 1_000))
}

const TASKS: [Family<TaskStatus>; 7] = [
    ("records_lag", "Records in the log that the task has not yet read.", "gauge", |t| some(t.lag)),
    ("task_records_total", "Records that the task took.", "counter", |t| some(t.records)),
    ("bad_records_total", "Records that could not be read.", "counter", |t| some(t.bad)),
    ("watermark_lag_seconds", "How far the watermark is behind the wall clock.", "gauge", |t| {
        seconds(t.watermark_lag_ms?)
    }),
    ("checkpoints_total", "Checkpoints of the task, over restarts too.", "counter", |t| {
        some(t.checkpoints)
    }),
    ("checkpoint_seconds_total", "Time that checkpoints took.", "counter", |t| {
        seconds(i64::try_from(t.checkpoint_time_us / 1_000).unwrap_or(i64::MAX))
    }),
    ("checkpoint_last_seconds", "Time that the last checkpoint took.", "gauge", |t| {
        seconds(i64::try_from(t.checkpoint_last_us / 1_000).unwrap_or(i64::MAX))
    }),
];

const OPERATORS: [Family<OperatorStatus>; 4] = [
    ("records_in_total", "Records that the operator took.", "counter", |o| some(o.records_in)),
    ("records_out_total", "Records that the operator gave on.", "counter", |o| some(o.records_out)),
    ("late_records_total", "Records too late for the operator's windows.", "counter", |o| {
        some(o.late)
    }),
    ("state_entries", "Entries of the operator's state in memory.", "gauge", |o| {
        some(o.state_entries)
    }),
];

const STANDBYS: Family<StandbyStatus> = (
    "standby_records_lag",
    "Records of change logs that the standby of a task has not yet taken.",
    "gauge",
    |standby| some(standby.lag),
);

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Text in Prometheus' format, version 0.0.4.
pub(crate) fn prometheus(job: &str, tasks: &[TaskStatus], standbys: &[StandbyStatus]) -> String {
    let (mut text, job) = (String::new(), escaped(job));
    let place = |sub_topology: usize, queue: u32| {
        format!("job=\"{job}\",sub_topology=\"{sub_topology}\",queue=\"{queue}\"")
    };
    let labels = |task: &TaskStatus| place(task.sub_topology, task.queue);
    for (name, help, kind, value) in TASKS {
        let samples = tasks.iter().filter_map(|task| Some((labels(task), value(task)?)));
        family(&mut text, (name, help, kind), samples);
    }
    for (name, help, kind, value) in OPERATORS {
        let samples = tasks.iter().flat_map(|task| {
            let labels = labels(task);
            task.operators.iter().filter_map(move |operator| {
                let labels = format!("{labels},operator=\"{}\"", escaped(&operator.name));
                Some((labels, value(operator)?))
            })
        });
        family(&mut text, (name, help, kind), samples);
    }
    let (name, help, kind, value) = STANDBYS;
    let samples = standbys
        .iter()
        .filter_map(|standby| Some((place(standby.sub_topology, standby.queue), value(standby)?)));
    family(&mut text, (name, help, kind), samples);
    text
}

fn family(
    text: &mut String,
    (name, help, kind): (&str, &str, &str),
    samples: impl Iterator<Item = (String, String)>,
) {
    let name = format!("gantry_streams_{name}");
    // Nothing fails to be written to a text.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}
