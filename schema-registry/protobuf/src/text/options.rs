//! Options as they are written in a text.

use super::reader::{Reader, Result};
use crate::option::{OptionValue, ProtoOption};
use crate::ordered::Ordered;

/// The options in brackets, if there are any.
pub(crate) fn read_options(reader: &mut Reader) -> Result<Vec<ProtoOption>> {
    let mut options = Vec::new();
    if !reader.take('[')? {
        return Ok(options);
    }
    loop {
        options.push(read_option(reader, '=')?);
        if reader.take(']')? {
            return Ok(options);
        }
        if !reader.take(',')? {
            return Err(reader.error("Expected ',' or ']"));
        }
    }
}

/// A name, `=` or `:`, and a value.
pub(crate) fn read_option(reader: &mut Reader, separator: char) -> Result<ProtoOption> {
    let first = reader.peek()?;
    let parenthesized = first == '(';
    let mut name = reader.read_name()?;
    if first == '[' {
        name = format!("[{name}]");
    }
    // The names behind it: of each whether it was in parentheses.
    let mut parts: Vec<(String, bool)> = Vec::new();
    let mut c = reader.read_char()?;
    while c == '.' {
        let wrapped = reader.peek()?;
        let part = reader.read_name()?;
        match wrapped {
            '(' => parts.push((part, true)),
            '[' => parts.extend(format!("[{part}]").split('.').map(|of| (of.to_owned(), false))),
            _ => parts.extend(part.split('.').map(|of| (of.to_owned(), false))),
        }
        c = reader.read_char()?;
    }
    if separator == ':' && c == '{' {
        // A message may follow its name without a colon.
        reader.push_back();
    } else if c != separator {
        return Err(reader.error(&format!("expected '{separator}' in option")));
    }
    let mut value = read_value(reader)?;
    for (name, parenthesized) in parts.into_iter().rev() {
        value = OptionValue::Part(Box::new(ProtoOption { name, value, parenthesized }));
    }
    Ok(ProtoOption { name, value, parenthesized })
}

fn read_value(reader: &mut Reader) -> Result<OptionValue> {
    let first = reader.peek()?;
    Ok(match first {
        '{' | '[' => {
            reader.enter()?;
            let value = if first == '{' { read_map(reader)? } else { read_list(reader)? };
            reader.leave();
            value
        }
        '"' | '\'' => OptionValue::Text(reader.read_quoted()?),
        _ => {
            let word = reader.read_word()?;
            match word.as_str() {
                _ if first.is_ascii_digit() || first == '-' => OptionValue::Number(word),
                "true" => OptionValue::Bool(true),
                "false" => OptionValue::Bool(false),
                _ => OptionValue::Name(word),
            }
        }
    })
}

/// What a key of a message has.
enum Slot {
    Value(OptionValue),
    /// A message of which each part is set alone.
    Parts(Ordered<OptionValue>),
}

impl Slot {
    /// Parts that are set alone are set in the message that is there, if there is one; other
    /// values become a list.
    fn add(&mut self, other: Self) {
        let this = std::mem::replace(self, Self::Value(OptionValue::Bool(false)));
        *self = match (this, other) {
            (Self::Value(OptionValue::Map(entries)), Self::Parts(parts)) => {
                Self::Parts(entries.into_iter().chain(parts.into_entries()).collect())
            }
            (Self::Parts(mut known), Self::Parts(parts)) => {
                for (name, value) in parts.into_entries() {
                    known.set(name, value);
                }
                Self::Parts(known)
            }
            (Self::Value(_), parts @ Self::Parts(_)) => parts,
            (this, Self::Value(value)) => Self::Value(both(this.into_value(), value)),
        };
    }

    fn into_value(self) -> OptionValue {
        match self {
            Self::Value(value) => value,
            Self::Parts(parts) => OptionValue::Map(parts.into_entries()),
        }
    }
}

/// The values of both in one list.
fn both(first: OptionValue, second: OptionValue) -> OptionValue {
    let mut list = match first {
        OptionValue::List(list) => list,
        one => vec![one],
    };
    match second {
        OptionValue::List(more) => list.extend(more),
        one => list.push(one),
    }
    OptionValue::List(list)
}

/// A message in braces.
fn read_map(reader: &mut Reader) -> Result<OptionValue> {
    reader.require('{')?;
    let mut map: Ordered<Slot> = Ordered::default();
    while !reader.take('}')? {
        let ProtoOption { name, value, .. } = read_option(reader, ':')?;
        let slot = match value {
            OptionValue::Part(part) => Slot::Parts([part_of(*part)].into_iter().collect()),
            value => Slot::Value(value),
        };
        map.add(name, slot, Slot::add);
        if !reader.take(',')? {
            reader.take(';')?;
        }
    }
    let entries = map.into_entries().into_iter();
    Ok(OptionValue::Map(entries.map(|(key, slot)| (key, slot.into_value())).collect()))
}

/// A part that is set alone. Words in it become texts: so Confluent's registry keeps them.
fn part_of(part: ProtoOption) -> (String, OptionValue) {
    let value = match part.value {
        OptionValue::Bool(_) | OptionValue::Number(_) | OptionValue::Name(_) => {
            OptionValue::Text(part.value.to_string())
        }
        other => other,
    };
    (part.name, value)
}

fn read_list(reader: &mut Reader) -> Result<OptionValue> {
    reader.require('[')?;
    let mut list = Vec::new();
    while !reader.take(']')? {
        list.push(read_value(reader)?);
        if !reader.take(',')? && reader.peek()? != ']' {
            return Err(reader.error("expected ',' or ']'"));
        }
    }
    Ok(OptionValue::List(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ProtoOption {
        read_option(&mut Reader::new(text), '=').unwrap()
    }

    fn text(text: &str) -> OptionValue {
        OptionValue::Text(text.to_owned())
    }

    #[test]
    fn values() {
        assert_eq!(read("a = 'x';").value, text("x"));
        assert_eq!(read("a = -1;").value, OptionValue::Number("-1".to_owned()));
        assert_eq!(read("a = true;").value, OptionValue::Bool(true));
        assert_eq!(read("a.b = FOO;").name, "a.b");
        let option = read("(.a.b).c.d = FOO;");
        assert_eq!((option.name.as_str(), option.parenthesized), (".a.b", true));
        assert_eq!(option.value.to_string(), "c=d=FOO");
    }

    #[test]
    fn messages_and_lists() {
        let value =
            read("(o) = { a: 1, a: [2, 3]; b { c: X } [d.e]: 'x' [f].g: true [f].h: [] };").value;
        assert_eq!(value.to_string(), "{a=[1, 2, 3], b={c=X}, [d.e]=x, [f]={g=true, h=[]}}");
        assert_eq!(value.get("[f]").unwrap().get("g").unwrap(), &text("true"));
    }

    #[test]
    fn errors() {
        let error = |text: &str| read_options(&mut Reader::new(text)).unwrap_err().0;
        assert_eq!(error("[a = 1 b]"), "Syntax error in :1:8: Expected ',' or ']");
        assert_eq!(error("[a : 1]"), "Syntax error in :1:5: expected '=' in option");
        assert_eq!(error("[a = [1 2]]"), "Syntax error in :1:9: expected ',' or ']'");
        assert!(error(&format!("[a = {}", "[".repeat(200))).contains("levels deep"));
    }
}
