//! Options: their values, and how several statements of one option become one value.

use std::fmt;

/// An option of a file, a message, a field, ….
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtoOption {
    /// The name without parentheses.
    pub name: String,
    /// What it is set to.
    pub value: OptionValue,
    /// Whether the name was in parentheses, as those of custom options are.
    pub parenthesized: bool,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Sets a key where it came first, or behind all others.
pub(crate) fn put(map: &mut Vec<(String, OptionValue)>, key: &str, value: OptionValue) {
    match map.iter_mut().find(|(known, _)| known == key) {
        Some((_, known)) => *known = value,
        None => map.push((key.to_owned(), value)),
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

    /// This one, and behind it another statement of the same option. Of messages, the values of
    /// all keys are kept; of anything else, the later statement holds.
    pub(crate) fn merged_with(self, later: Self) -> Self {
        let later = later.with_parts_as_map();
        match (self.value, later.value) {
            (OptionValue::Map(mut map), OptionValue::Map(more)) => {
                for (key, value) in more {
                    let known = map.iter().position(|(known, _)| *known == key);
                    let earlier = known.and_then(|at| map.get_mut(at));
                    match earlier {
                        Some((_, earlier)) => {
                            let first = std::mem::replace(earlier, OptionValue::Bool(false));
                            *earlier = OptionValue::List(all_once(first, value));
                        }
                        None => map.push((key, value)),
                    }
                }
                Self { value: OptionValue::Map(map), ..later }
            }
            (_, value) => Self { value, ..later },
        }
    }
}

fn part_as_map(part: ProtoOption) -> OptionValue {
    let value = match part.value {
        OptionValue::Part(inner) => part_as_map(*inner),
        other => other,
    };
    OptionValue::Map(vec![(part.name, value)])
}

/// The values of both, each once.
fn all_once(first: OptionValue, second: OptionValue) -> Vec<OptionValue> {
    let mut all: Vec<OptionValue> = Vec::new();
    for value in [first, second] {
        let values = match value {
            OptionValue::List(list) => list,
            one => vec![one],
        };
        for value in values {
            if !all.contains(&value) {
                all.push(value);
            }
        }
    }
    all
}

/// What all statements of an option say together. A name may begin with a dot.
pub(crate) fn find(options: &[ProtoOption], name: &str) -> Option<ProtoOption> {
    let is_it =
        |option: &&ProtoOption| option.name.strip_prefix('.').unwrap_or(&option.name) == name;
    options
        .iter()
        .filter(is_it)
        .cloned()
        .map(ProtoOption::with_parts_as_map)
        .reduce(ProtoOption::merged_with)
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
