//! Replays what Confluent's registry said about pairs of schemas.

use std::collections::BTreeSet;

use gantry_schema_avro::{Avro, AvroSchema};
use gantry_schema_model::{Format, Node, ParsedSchema};

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::as_text).unwrap_or_else(|| panic!("{key} in {node}"))
}

fn list(node: &Node) -> &[Node] {
    match node {
        Node::List(items) => items,
        other => panic!("no list: {other}"),
    }
}

fn parse(text: &str) -> AvroSchema {
    Avro::parse(text, &[], true).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The sentences of the first old schema, from the latest on, that is not compatible.
fn check(level: &str, new: &AvroSchema, olds: &[AvroSchema]) -> Vec<String> {
    let (level, count) = match level.strip_suffix("_TRANSITIVE") {
        Some(level) => (level, olds.len()),
        None => (level, 1),
    };
    for old in olds.iter().rev().take(count) {
        let mut sentences = Vec::new();
        if matches!(level, "FORWARD" | "FULL") {
            sentences.extend(Avro::incompatibilities(old, new));
        }
        if matches!(level, "BACKWARD" | "FULL") {
            sentences.extend(Avro::incompatibilities(new, old));
        }
        if !sentences.is_empty() {
            return sentences;
        }
    }
    Vec::new()
}

fn kinds(sentences: &[String]) -> BTreeSet<&str> {
    let kind = |sentence: &'_ str| {
        let (_, rest) = sentence.split_once("errorType:'")?;
        rest.split_once('\'').map(|(kind, _)| kind.len())
    };
    let begin = "{errorType:'".len();
    sentences.iter().filter_map(|all| all.get(begin..begin + kind(all)?)).collect()
}

#[test]
fn recorded_answers() {
    let cases = Node::parse(include_str!("compatibility.json")).unwrap();
    let (mut checks, mut wrong) = (0, Vec::new());
    for case in list(cases.get("cases").unwrap()) {
        let id = text(case, "id");
        let olds: Vec<AvroSchema> = list(case.get("old").unwrap())
            .iter()
            .map(|old| parse(old.as_text().unwrap()))
            .collect();
        let new = parse(text(case, "new"));
        for old in &olds {
            // What was kept is read again with fewer rules.
            let again = Avro::parse(old.canonical(), &[], false).unwrap();
            assert_eq!(again.canonical(), old.canonical());
        }
        let Some(Node::Map(levels)) = case.get("expected") else { panic!("{id}: no levels") };
        for (level, expected) in levels {
            checks += 1;
            let sentences = check(level, &new, &olds);
            let is_compatible = expected.get("compatible") == Some(&Node::Bool(true));
            let named: BTreeSet<&str> = expected
                .get("errorTypes")
                .map(|kinds| list(kinds).iter().filter_map(Node::as_text).collect())
                .unwrap_or_default();
            if sentences.is_empty() != is_compatible || kinds(&sentences) != named {
                wrong.push(format!("{id} {level}: {expected}, but {sentences:?}"));
            }
        }
    }
    println!("{} of {checks} checks", checks - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checks > 300, "{checks}");
}
