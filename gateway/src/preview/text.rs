//! An answer as text: each record, and after each step what has changed.

use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::answer::{ErrorAnswer, PreviewAnswer, RecordAnswer, ShownRecord, StepAnswer};
use crate::json;

/// A longer value is cut in the text; `--json` has all of it.
const VALUE_CHARS_MAX: usize = 200;
/// Lines of one record that are shown; `--json` has all of them.
const LINES_MAX: usize = 400;
/// Nothing is looked into any deeper.
const DEPTH_MAX: usize = 64;

/// A line of a record: where it is, and what stands there.
type Line = (String, String);

/// The whole answer for people.
pub(crate) fn write_text(answer: &PreviewAnswer) -> String {
    let mut out = format!(
        "{} ({} {}): {} record(s)\n",
        answer.name,
        answer.type_,
        short(&answer.connector_class),
        answer.records.len()
    );
    for (i, record) in answer.records.iter().enumerate() {
        out.push('\n');
        write_record(&mut out, i, record);
    }
    if let Some(cut) = &answer.cut {
        let _ = writeln!(out, "\nThere is no more: {cut}.");
    }
    out
}

/// A class without its package.
fn short(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

fn write_record(out: &mut String, index: usize, record: &RecordAnswer) {
    let input = &record.input;
    let _ = write!(out, "record {index}: {}", input.topic);
    if let (Some(partition), Some(offset)) = (input.partition, input.offset) {
        let _ = write!(out, "-{partition} offset {offset}");
    }
    out.push('\n');
    let mut before = lines_of(input, is_datum(&input.value));
    write_lines(out, ' ', &before);
    if let Some(converted) = &record.converted {
        out.push_str("  converters\n");
        before = lines_of(converted, true);
        write_lines(out, ' ', &before);
    }
    for (at, step) in record.steps.iter().enumerate() {
        write_step(out, at + 1, step, &mut before);
    }
    write_outcome(out, record);
}

fn write_step(out: &mut String, number: usize, step: &StepAnswer, before: &mut Vec<Line>) {
    let _ = write!(out, "  {number} {} ({})", step.name, short(&step.class));
    if let Some(predicate) = &step.predicate {
        let not = if step.negate == Some(true) { "unless" } else { "when" };
        let _ = write!(out, " {not} {predicate}");
    }
    match (&step.record, step.outcome.as_str()) {
        (Some(record), _) => {
            let after = lines_of(record, true);
            if after == *before {
                out.push_str(": no change\n");
            } else {
                out.push('\n');
                write_changes(out, before, &after);
            }
            *before = after;
        }
        (None, "skipped") => out.push_str(": skipped, it does not apply\n"),
        (None, "dropped") => out.push_str(": DROPPED\n"),
        (None, "failed") => out.push_str(": FAILED\n"),
        (None, _) => out.push_str(": not reached\n"),
    }
}

fn write_outcome(out: &mut String, record: &RecordAnswer) {
    match (&record.output, &record.error) {
        (Some(output), _) if record.outcome == "written" => {
            let _ = writeln!(out, "  => written to {}", output.topic);
            write_lines(out, ' ', &lines_of(output, false));
        }
        (Some(output), _) => {
            let _ = writeln!(out, "  => given to the connector, topic {}", output.topic);
        }
        (None, Some(error)) => write_error(out, error),
        (None, None) => {
            let by = record.dropped_by.as_deref().unwrap_or_default();
            let _ = writeln!(out, "  => dropped by {by}");
        }
    }
}

fn write_error(out: &mut String, error: &ErrorAnswer) {
    let stage = error.stage.as_deref().unwrap_or("panic");
    let _ = write!(out, "  => FAILED in {stage}");
    if let Some(step) = &error.step {
        let _ = write!(out, " {step}");
    }
    let _ = writeln!(out, " ({})", short(&error.class));
    for line in error.trace.lines() {
        let _ = writeln!(out, "       {line}");
    }
    let handling = &error.handling;
    match handling.retry_ms {
        Some(0) => {}
        Some(ms) => _ = writeln!(out, "     it is tried again for {ms} ms first"),
        None => out.push_str("     it is tried again for ever\n"),
    }
    if handling.logged {
        out.push_str("     it is logged (errors.log.enable)\n");
    }
    if let Some(dead) = &handling.dead_letter {
        let _ = writeln!(out, "     it goes to the dead letter queue {}", dead.topic);
    }
    out.push_str(match handling.task_fails {
        Some(_) => "     the task fails (errors.tolerance=none, or a panic)\n",
        None => "     the record is skipped (errors.tolerance=all)\n",
    });
}

fn write_lines(out: &mut String, sign: char, lines: &[Line]) {
    let width = lines.iter().map(|(place, _)| place.chars().count()).max().unwrap_or_default();
    for (place, what) in lines.iter().take(LINES_MAX) {
        let _ = writeln!(out, "    {sign} {place:<width$}  {what}");
    }
    if lines.len() > LINES_MAX {
        let _ = writeln!(out, "    … and {} lines more", lines.len() - LINES_MAX);
    }
}

/// What has gone and what has come, place by place.
fn write_changes(out: &mut String, before: &[Line], after: &[Line]) {
    let find = |lines: &'_ [Line], place: &str| lines.iter().position(|(other, _)| other == place);
    let changed: Vec<&Line> = after.iter().filter(|line| !before.contains(line)).collect();
    let gone: Vec<&Line> = before.iter().filter(|line| !after.contains(line)).collect();
    let places = changed.iter().chain(&gone).map(|(place, _)| place.chars().count());
    let width = places.max().unwrap_or_default();
    let mut line = |sign: char, (place, what): &Line| {
        let _ = writeln!(out, "    {sign} {place:<width$}  {what}");
    };
    for old in gone.iter().filter(|(place, _)| find(after, place).is_none()).take(LINES_MAX) {
        line('-', old);
    }
    for new in changed.into_iter().take(LINES_MAX) {
        if let Some(old) = find(before, &new.0).and_then(|at| before.get(at)) {
            line('-', old);
        }
        line('+', new);
    }
}

fn is_datum(value: &RawValue) -> bool {
    json::members(value).is_some_and(|members| members.iter().any(|(name, _)| name == "payload"))
}

/// A record as lines, one for each value that stands in it.
fn lines_of(record: &ShownRecord, is_connect: bool) -> Vec<Line> {
    let mut lines = vec![("topic".to_owned(), record.topic.clone())];
    if let Some(partition) = record.partition {
        lines.push(("partition".to_owned(), partition.to_string()));
    }
    if let Some(timestamp) = record.timestamp {
        lines.push(("timestamp".to_owned(), timestamp.to_string()));
    }
    let mut part = |place: String, value: &RawValue| {
        if is_connect {
            datum_lines(&mut lines, &place, value);
        } else {
            lines.push((place, bytes_text(value)));
        }
    };
    part("key".to_owned(), &record.key);
    part("value".to_owned(), &record.value);
    for (i, header) in record.headers.iter().enumerate() {
        part(format!("header {i} {}", header.name), &header.value);
    }
    lines
}

/// Bytes: text as it is, the rest in hexadecimal digits behind `0x`.
fn bytes_text(value: &RawValue) -> String {
    let members = json::members(value).unwrap_or_default();
    let Some((form, text)) = members.first() else { return "null".to_owned() };
    let text: String = serde_json::from_str(text.get()).unwrap_or_default();
    cut(&if form == "hex" { format!("0x{text}") } else { text })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn member<'a>(members: &'a [(String, Box<RawValue>)], name: &str) -> Option<&'a RawValue> {
    members.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
}

fn datum_lines(lines: &mut Vec<Line>, place: &str, datum: &RawValue) {
    let members = json::members(datum).unwrap_or_default();
    let schema = member(&members, "schema").filter(|schema| schema.get() != "null");
    if let Some(payload) = member(&members, "payload") {
        value_lines(lines, place, schema, payload, 0);
    }
    if let Some(note) = member(&members, "note") {
        lines.push((format!("{place} (note)"), note.get().to_owned()));
    }
}

/// What a schema says of a value itself: its type, name and version.
fn label(schema: &[(String, Box<RawValue>)]) -> String {
    let text = |name: &str| {
        let text = member(schema, name).map(RawValue::get).unwrap_or_default();
        serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned())
    };
    let mut label = text("type");
    if text("optional") == "true" {
        label.push('?');
    }
    for name in ["name", "version"] {
        let text = text(name);
        if !text.is_empty() {
            let _ = write!(label, " {name}={}", short(&text));
        }
    }
    label
}

fn value_lines(
    lines: &mut Vec<Line>,
    place: &str,
    schema: Option<&RawValue>,
    value: &RawValue,
    depth: usize,
) {
    let schema = schema.and_then(json::members);
    let label = schema.as_deref().map(label).unwrap_or_default();
    let members = json::members(value);
    let elements: Option<Vec<Box<RawValue>>> = match members {
        None if value.get().starts_with('[') => serde_json::from_str(value.get()).ok(),
        _ => None,
    };
    let inner = members.as_ref().map_or(0, Vec::len) + elements.as_ref().map_or(0, Vec::len);
    if inner == 0 || depth >= DEPTH_MAX {
        let gap = if label.is_empty() { "" } else { "  " };
        lines.push((place.to_owned(), format!("{}{gap}{label}", cut(value.get()))));
        return;
    }
    if !label.is_empty() {
        lines.push((place.to_owned(), label));
    }
    let part = |name: &str| schema.as_deref().and_then(|schema| member(schema, name));
    for (name, value) in members.into_iter().flatten() {
        let schema =
            part("values").map(ToOwned::to_owned).or_else(|| field(part("fields")?, &name));
        value_lines(lines, &format!("{place}.{name}"), schema.as_deref(), &value, depth + 1);
    }
    for (i, value) in elements.into_iter().flatten().enumerate() {
        value_lines(lines, &format!("{place}[{i}]"), part("items"), &value, depth + 1);
    }
}

/// The schema of a struct's field.
fn field(fields: &RawValue, name: &str) -> Option<Box<RawValue>> {
    let fields: Vec<Box<RawValue>> = serde_json::from_str(fields.get()).ok()?;
    fields.into_iter().find(|field| {
        let members = json::members(field).unwrap_or_default();
        let named = member(&members, "field").map(RawValue::get).unwrap_or_default();
        serde_json::from_str::<String>(named).is_ok_and(|named| named == name)
    })
}
