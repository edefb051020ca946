//! Topologies as text and as pictures.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use gantry_log::Str;

use super::graph::{Graph, Node, Place, SubTopology};
use crate::builder::Topology;

impl Topology {
    /// Its parts as text, as Kafka Streams describes them: sources with their topics, processors
    /// with their stores, sinks, and what is before and behind each.
    pub fn describe(&self) -> String {
        let mut text = "Topologies:\n".to_owned();
        let subs = self.graph.sub_topologies();
        for (number, sub) in subs.iter().enumerate() {
            // Nothing fails to be written to a text.
            let _ = describe(&self.graph, number, sub, &mut text);
        }
        for (number, topic) in (subs.len()..).zip(self.graph.globals()) {
            let _ = writeln!(
                text,
                "   Sub-topology: {number} for global store (will not generate tasks)\n    Source: {topic} (topics: [{topic}])\n"
            );
        }
        text
    }

    /// A picture of it in the language of Graphviz.
    pub fn graphviz(&self) -> String {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = format!("digraph \"{}\" {{\n", quote(&self.job));
        let shapes = Shapes {
            topic: |id, name| format!("  {id} [label=\"{name}\", shape=cds];\n"),
            store: |id, name| format!("    {id} [label=\"{name}\", shape=cylinder];\n"),
            node: |id, name| format!("    {id} [label=\"{name}\", shape=box];\n"),
            begin: |number| {
                format!("  subgraph cluster_{number} {{\n    label=\"Sub-topology {number}\";\n")
            },
            end: "  }\n",
            arrow: |from, to| format!("  {from} -> {to};\n"),
            line: |from, to| format!("  {from} -> {to} [dir=none, style=dashed];\n"),
        };
        draw(&self.graph, &shapes, &quote, &mut text);
        text.push_str("}\n");
        text
    }

    /// A picture of it in the language of Mermaid.
    pub fn mermaid(&self) -> String {
        let quote = |text: &str| text.replace('#', "#35;").replace('"', "#quot;");
        let mut text = "flowchart TD\n".to_owned();
        let shapes = Shapes {
            topic: |id, name| format!("  {id}[/\"{name}\"/]\n"),
            store: |id, name| format!("    {id}[(\"{name}\")]\n"),
            node: |id, name| format!("    {id}[\"{name}\"]\n"),
            begin: |number| format!("  subgraph sub{number} [\"Sub-topology {number}\"]\n"),
            end: "  end\n",
            arrow: |from, to| format!("  {from} --> {to}\n"),
            line: |from, to| format!("  {from} -.- {to}\n"),
        };
        draw(&self.graph, &shapes, &quote, &mut text);
        text
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn describe(graph: &Graph, number: usize, sub: &SubTopology, text: &mut String) -> fmt::Result {
    writeln!(text, "   Sub-topology: {number}")?;
    for id in &sub.nodes {
        let node = &graph.nodes[*id];
        let (name, stores) = (&node.name, node.stores.join(", "));
        match &node.place {
            Place::Source(topic) | Place::Shuffle(topic) => {
                writeln!(text, "    Source: {name} (topics: [{topic}])")?;
            }
            Place::Sink(topic) | Place::ShuffleSink(topic) => {
                writeln!(text, "    Sink: {name} (topic: {topic})")?;
            }
            Place::Operator | Place::Global(_) => {
                writeln!(text, "    Processor: {name} (stores: [{stores}])")?;
            }
        }
        if !matches!(node.place, Place::Sink(_) | Place::ShuffleSink(_)) {
            let children = graph.children(*id);
            let children = list(children.iter().map(|(child, _)| &*graph.nodes[*child].name));
            writeln!(text, "      --> {children}")?;
        }
        if !matches!(node.place, Place::Source(_) | Place::Shuffle(_)) {
            let parents = list(node.parents.iter().map(|(parent, _)| &*graph.nodes[*parent].name));
            writeln!(text, "      <-- {parents}")?;
        }
    }
    writeln!(text)
}

/// How a language of pictures says something.
struct Shapes {
    topic: fn(&str, &str) -> String,
    store: fn(&str, &str) -> String,
    node: fn(&str, &str) -> String,
    begin: fn(usize) -> String,
    end: &'static str,
    arrow: fn(&str, &str) -> String,
    /// Of a node and its store.
    line: fn(&str, &str) -> String,
}

fn topic_of(node: &Node) -> Option<&Str> {
    match &node.place {
        Place::Source(topic)
        | Place::Shuffle(topic)
        | Place::Global(topic)
        | Place::Sink(topic)
        | Place::ShuffleSink(topic) => Some(topic),
        Place::Operator => None,
    }
}

/// Topics first, then the sub-topologies with their nodes and stores, then what is between them.
fn draw(graph: &Graph, shapes: &Shapes, quote: &dyn Fn(&str) -> String, text: &mut String) {
    let topics: BTreeSet<&Str> = graph.nodes.iter().filter_map(topic_of).collect();
    let topics: Vec<&Str> = topics.into_iter().collect();
    let topic_id = |topic: &Str| {
        let at = topics.iter().position(|known| *known == topic);
        format!("topic{}", at.unwrap_or_default())
    };
    for topic in &topics {
        text.push_str(&(shapes.topic)(&topic_id(topic), &quote(topic)));
    }
    let mut between = String::new();
    for (number, sub) in graph.sub_topologies().iter().enumerate() {
        text.push_str(&(shapes.begin)(number));
        for id in &sub.nodes {
            let (node, name) = (&graph.nodes[*id], format!("node{id}"));
            text.push_str(&(shapes.node)(&name, &quote(&node.name)));
            match &node.place {
                Place::Source(topic) | Place::Shuffle(topic) => {
                    between.push_str(&(shapes.arrow)(&topic_id(topic), &name));
                }
                Place::Sink(topic) | Place::ShuffleSink(topic) => {
                    between.push_str(&(shapes.arrow)(&name, &topic_id(topic)));
                }
                Place::Operator | Place::Global(_) => {}
            }
            for (child, _) in graph.children(*id) {
                between.push_str(&(shapes.arrow)(&name, &format!("node{child}")));
            }
            for store in &node.stores {
                let at = sub.stores.iter().position(|known| known == store).unwrap_or_default();
                between.push_str(&(shapes.line)(&name, &format!("store{number}_{at}")));
            }
        }
        for (at, store) in sub.stores.iter().enumerate() {
            text.push_str(&(shapes.store)(&format!("store{number}_{at}"), &quote(store)));
        }
        text.push_str(shapes.end);
    }
    text.push_str(&between);
}
