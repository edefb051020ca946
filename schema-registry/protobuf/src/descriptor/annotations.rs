//! Annotations in bytes.

use super::wire::{Value, Writer, fields};
use crate::meta::{Meta, Rule};
use crate::ordered::Ordered;

/// The number of the extension that holds annotations, the same in all kinds of options.
pub(super) const NUMBER: u32 = 1088;

pub(super) fn encode(meta: &Meta, writer: &mut Writer) {
    let set = |writer: &mut Writer, field, text: &str| {
        if !text.is_empty() {
            writer.text(field, text);
        }
    };
    set(writer, 1, meta.doc.as_deref().unwrap_or_default());
    for (key, value) in &meta.params {
        writer.message(2, |writer| {
            writer.text(1, key);
            writer.text(2, value);
        });
    }
    for tag in &meta.tags {
        writer.text(3, tag);
    }
    for rule in &meta.rules {
        writer.message(4, |writer| {
            set(writer, 1, &rule.name);
            set(writer, 2, &rule.doc);
            set(writer, 3, &rule.expr);
            set(writer, 4, &rule.sql);
        });
    }
}

/// Reads annotations into what is known already; nothing if the bytes are none.
pub(super) fn decode(bytes: &[u8], meta: &mut Meta) -> Option<()> {
    let mut params: Ordered<String> = std::mem::take(&mut meta.params).into_iter().collect();
    for (number, value) in fields(bytes)? {
        match (number, value) {
            (1, Value::Bytes(_)) => meta.doc = Some(value.as_utf8()?),
            (2, Value::Bytes(bytes)) => {
                let [key, value] = texts(bytes)?;
                params.set(key, value);
            }
            (3, Value::Bytes(_)) => meta.tags.push(value.as_utf8()?),
            (4, Value::Bytes(bytes)) => {
                let [name, doc, expr, sql] = texts(bytes)?;
                meta.add_rule(Rule { name, doc, expr, sql });
            }
            _ => {}
        }
    }
    meta.params = params.into_entries();
    Some(())
}

/// The texts with the first numbers.
fn texts<const COUNT: usize>(bytes: &[u8]) -> Option<[String; COUNT]> {
    let mut texts = [const { String::new() }; COUNT];
    for (number, value) in fields(bytes)? {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        if let (Some(text), Value::Bytes(_)) = (texts.get_mut(place), value) {
            *text = value.as_utf8()?;
        }
    }
    Some(texts)
}
