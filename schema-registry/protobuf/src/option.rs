//! Options: their values, and how several statements of one option become one value.

use std::collections::HashSet;
use std::fmt;

use crate::ordered::Ordered;

/// An option of a file, a message, a field, ….
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProtoOption {
    /// The name without parentheses.
    pub name: String,
    /// What it is set to.
    pub value: OptionValue,
    /// Whether the name was in parentheses, as those of custom options are.
    pub parenthesized: bool,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OptionValue {
    /// A quoted text, without quotes and escapes.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// Another word: the name of a value of an enum, mostly.
    Name(String),
    /// A list in brackets.
    List(Vec<Self>),
    /// A message in braces: each key once, where it came first.
    Map(Vec<(String, Self)>),
    /// A part of the option that is set alone: `(option).part = 1`.
    Part(Box<ProtoOption>),
}

impl OptionValue {
    /// Whether it says that something is so.
    pub fn is_true(&self) -> bool {
        self.to_string().eq_ignore_ascii_case("true")
    }

    /// The text, if it is a quoted one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key, if this is a message that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.iter().find(|(known, _)| known == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// How Confluent's errors name what kind of value this is.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "STRING",
            Self::Bool(_) => "BOOLEAN",
            Self::Number(_) => "NUMBER",
            Self::Name(_) => "ENUM",
            Self::List(_) => "LIST",
            Self::Map(_) => "MAP",
            Self::Part(_) => "OPTION",
        }
    }
}

/// Without quotes: as it is taken where a text is wanted.
impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Name(text) => f.write_str(text),
            Self::Bool(is) => write!(f, "{is}"),
            Self::List(list) => {
                f.write_str("[")?;
                for (at, value) in list.iter().enumerate() {
                    f.write_str(if at > 0 { ", " } else { "" })?;
                    write!(f, "{value}")?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                for (at, (key, value)) in map.iter().enumerate() {
                    f.write_str(if at > 0 { ", " } else { "" })?;
                    write!(f, "{key}={value}")?;
                }
                f.write_str("}")
            }
            Self::Part(part) => write!(f, "{}={}", part.name, part.value),
        }
    }
}

impl ProtoOption {
    /// The option with a part that is set alone as a message that has this part only.
    pub(crate) fn with_parts_as_map(self) -> Self {
        let value = match self.value {
            OptionValue::Part(part) => part_as_map(*part),
            other => other,
        };
        Self { value, ..self }
    }
}

fn part_as_map(part: ProtoOption) -> OptionValue {
    let value = match part.value {
        OptionValue::Part(inner) => part_as_map(*inner),
        other => other,
    };
    OptionValue::Map(vec![(part.name, value)])
}

/// What all statements of one option say together. Of messages, the values of all keys are kept;
/// of anything else, the last statement holds.
pub(crate) fn merged(statements: impl IntoIterator<Item = ProtoOption>) -> Option<ProtoOption> {
    let mut merged: Option<(ProtoOption, Ordered<Union>)> = None;
    for statement in statements {
        let statement = statement.with_parts_as_map();
        let mut map = match merged {
            Some((before, map)) if matches!(before.value, OptionValue::Map(_)) => map,
            _ => Ordered::default(),
        };
        let (name, parenthesized) = (statement.name, statement.parenthesized);
        let value = match statement.value {
            OptionValue::Map(entries) => {
                for (key, value) in entries {
                    map.add(key, Union::One(value), Union::add);
                }
                OptionValue::Map(Vec::new())
            }
            other => {
                map = Ordered::default();
                other
            }
        };
        merged = Some((ProtoOption { name, value, parenthesized }, map));
    }
    let (option, map) = merged?;
    let value = match option.value {
        OptionValue::Map(_) => {
            let entries = map.into_entries().into_iter();
            OptionValue::Map(entries.map(|(key, value)| (key, value.into_value())).collect())
        }
        other => other,
    };
    Some(ProtoOption { value, ..option })
}

/// The values that a key has in several messages.
#[derive(Debug)]
enum Union {
    One(OptionValue),
    /// Each once.
    Many(Vec<OptionValue>, HashSet<OptionValue>),
}

impl Union {
    fn add(&mut self, other: Self) {
        let this = std::mem::replace(self, Self::Many(Vec::new(), HashSet::new()));
        let (mut list, mut seen) = match this {
            Self::Many(list, seen) => (list, seen),
            Self::One(value) => Self::listed(value, Vec::new(), HashSet::new()),
        };
        if let Self::One(value) = other {
            (list, seen) = Self::listed(value, list, seen);
        }
        *self = Self::Many(list, seen);
    }

    /// Adds a value, or those of a list.
    fn listed(
        value: OptionValue,
        mut list: Vec<OptionValue>,
        mut seen: HashSet<OptionValue>,
    ) -> (Vec<OptionValue>, HashSet<OptionValue>) {
        let values = match value {
            OptionValue::List(values) => values,
            one => vec![one],
        };
        for value in values {
            if seen.insert(value.clone()) {
                list.push(value);
            }
        }
        (list, seen)
    }

    fn into_value(self) -> OptionValue {
        match self {
            Self::One(value) => value,
            Self::Many(list, _) => OptionValue::List(list),
        }
    }
}

/// What all statements of an option say together. A name may begin with a dot.
pub(crate) fn find(options: &[ProtoOption], name: &str) -> Option<ProtoOption> {
    let is_it =
        |option: &&ProtoOption| option.name.strip_prefix('.').unwrap_or(&option.name) == name;
    merged(options.iter().filter(is_it).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &str, value: OptionValue) -> ProtoOption {
        ProtoOption { name: name.to_owned(), value, parenthesized: true }
    }

    fn text(text: &str) -> OptionValue {
        OptionValue::Text(text.to_owned())
    }

    #[test]
    fn statements_of_one_option_are_taken_together() {
        let tag = |name: &str| option("tags", OptionValue::List(vec![text(name)]));
        let options = [
            option("m", OptionValue::Part(Box::new(tag("a")))),
            option(".m", OptionValue::Part(Box::new(tag("b")))),
            option("m", OptionValue::Part(Box::new(option("doc", text("d"))))),
            option("other", text("x")),
        ];
        let found = find(&options, "m").unwrap();
        assert_eq!(
            found.value,
            OptionValue::Map(vec![
                ("tags".to_owned(), OptionValue::List(vec![text("a"), text("b")])),
                ("doc".to_owned(), text("d")),
            ])
        );
        assert_eq!(find(&options, "none"), None);
        let twice = [option("x", text("1")), option("x", text("2"))];
        assert_eq!(find(&twice, "x").unwrap().value, text("2"));
    }

    #[test]
    fn only_the_word_true_is_true() {
        assert!(text("TRUE").is_true());
        assert!(OptionValue::Bool(true).is_true());
        assert!(!OptionValue::Number("1".to_owned()).is_true());
    }
}
