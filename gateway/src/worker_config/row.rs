//! One line of the table of worker keys, and how it becomes a key of a `ConfigDef`.

use gantry_model::config::{ConfigData, ConfigKey, Importance, Type, Validator};

/// What a key is when the worker file does not set it. Says its type, too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// Null, with the type of what may be set.
    Null(Type),
    Bool(bool),
    Int(i32),
    Short(i16),
    Long(i64),
    Double(f64),
    Text(&'static str),
    Class(&'static str),
    List(&'static [&'static str]),
}

/// What values are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    Any,
    /// A number of at least this.
    Min(i64),
    /// A number of at least 1, or -1 for the default of somebody else.
    Count,
    /// A number between these, both allowed.
    Range(f64, f64),
    OneOf(&'static [&'static str]),
    /// One of these in any case of letters.
    AnyCase(&'static [&'static str]),
}

/// Whether Gantry does something with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It does what the documentation says.
    Used,
    /// It is read and checked, and changes nothing: what it is for does not exist here.
    Accepted,
}

/// One worker key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
    pub(crate) importance: Importance,
    pub(crate) check: Check,
    pub(crate) effect: Effect,
    pub(crate) doc: &'static str,
}

/// A key that does something.
pub(crate) const fn used(
    name: &'static str,
    value: Value,
    importance: Importance,
    check: Check,
    doc: &'static str,
) -> Row {
    Row { name, value, importance, check, effect: Effect::Used, doc }
}

/// A key that is read and changes nothing.
pub(crate) const fn accepted(
    name: &'static str,
    value: Value,
    importance: Importance,
    check: Check,
    doc: &'static str,
) -> Row {
    Row { name, value, importance, check, effect: Effect::Accepted, doc }
}

impl Row {
    /// The type of its value.
    pub(crate) fn type_(&self) -> Type {
        match self.value {
            Value::Null(type_) => type_,
            Value::Bool(_) => Type::Boolean,
            Value::Int(_) => Type::Int,
            Value::Short(_) => Type::Short,
            Value::Long(_) => Type::Long,
            Value::Double(_) => Type::Double,
            Value::Text(_) => Type::String,
            Value::Class(_) => Type::Class,
            Value::List(_) => Type::List,
        }
    }

    fn default(&self) -> ConfigData {
        match self.value {
            Value::Null(_) => ConfigData::Null,
            Value::Bool(value) => ConfigData::Boolean(value),
            Value::Int(number) => ConfigData::Int(number),
            Value::Short(number) => ConfigData::Short(number),
            Value::Long(number) => ConfigData::Long(number),
            Value::Double(number) => ConfigData::Double(number),
            Value::Text(text) => ConfigData::String(text.to_owned()),
            Value::Class(text) => ConfigData::Class(text.to_owned()),
            Value::List(list) => {
                ConfigData::List(list.iter().map(|&entry| entry.to_owned()).collect())
            }
        }
    }

    /// The default as text; `null` and `""` are named.
    pub(crate) fn default_text(&self) -> String {
        match self.default().to_display() {
            None => "null".to_owned(),
            Some(text) if text.is_empty() => "\"\"".to_owned(),
            Some(text) => text,
        }
    }

    /// What may be written, in words: for messages and the reference page.
    pub(crate) fn allowed(&self) -> String {
        let kind = match self.type_() {
            Type::Boolean => "true or false",
            Type::Int | Type::Short | Type::Long => "a whole number",
            Type::Double => "a number",
            Type::List => "a comma-separated list",
            Type::Class => "a class name",
            Type::Password => "a secret text",
            Type::String => "a text",
        };
        match self.check {
            Check::Any => kind.to_owned(),
            Check::Min(min) => format!("{kind} of at least {min}"),
            Check::Count => format!("{kind} of at least 1, or -1"),
            Check::Range(min, max) => format!("{kind} from {min} to {max}"),
            Check::OneOf(texts) => format!("one of {}", texts.join(", ")),
            Check::AnyCase(texts) => {
                format!("one of {} (in any case of letters)", texts.join(", "))
            }
        }
    }

    fn validator(&self) -> Option<Validator> {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        match self.check {
            Check::Any => None,
            // A key without a default may stay null; only a number that was given is checked.
            Check::Min(min) => Some(given_number(Validator::at_least(min as f64))),
            Check::Count => Some(Validator::custom(|name, value| match value {
                ConfigData::Int(0) | ConfigData::Short(0) => {
                    Err(gantry_model::Error::config(format!(
                        "Invalid value 0 for configuration {name}: Value must be -1 or at least 1"
                    )))
                }
                _ => Validator::at_least(-1_i32).check(name, value),
            })),
            Check::Range(min, max) => Some(given_number(Validator::between(min, max))),
            Check::OneOf(list) => Some(Validator::ValidString(texts(list))),
            Check::AnyCase(list) => Some(Validator::CaseInsensitiveValidString(texts(list))),
        }
    }

    /// As a key of a definition.
    pub(crate) fn key(&self) -> ConfigKey {
        self.key_named(self.name)
    }

    /// As a key of another name.
    pub(crate) fn key_named(&self, name: &str) -> ConfigKey {
        let key = ConfigKey::new(name, self.type_(), self.default(), self.importance, self.doc);
        match self.validator() {
            Some(validator) => key.validator(validator),
            None => key,
        }
    }
}

fn given_number(inner: Validator) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::Null => Ok(()),
        _ => inner.check(name, value),
    })
}
