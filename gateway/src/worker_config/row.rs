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
    /// How many partitions: at least 1, or -1 for the default of somebody else.
    Partitions,
    /// How many replicas: at least 1, or -1 for the default of somebody else.
    Replicas,
    /// A number between these, both allowed.
    Range(f64, f64),
    OneOf(&'static [&'static str]),
    /// One of these in any case of letters.
    AnyCase(&'static [&'static str]),
    /// Entries that are not empty.
    Entries,
    /// The same, at least one.
    SomeEntries,
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
            Check::Partitions | Check::Replicas => format!("{kind} of at least 1, or -1"),
            Check::Entries => format!("{kind} without empty entries"),
            Check::SomeEntries => format!("{kind} of at least one entry"),
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
            Check::Min(min) => Some(given_number(Validator::at_least(min))),
            Check::Partitions => Some(positive_or_default(
                "Number of partitions must be positive, or -1 to use the broker's default",
            )),
            Check::Replicas => Some(positive_or_default(
                "Replication factor must be positive and not larger than the number of brokers in \
                 the Kafka cluster, or -1 to use the broker's default",
            )),
            Check::Entries | Check::SomeEntries => Some(Validator::UniqueList {
                allowed: Vec::new(),
                empty: matches!(self.check, Check::Entries),
                null: true,
            }),
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

fn positive_or_default(rule: &'static str) -> Validator {
    Validator::custom(move |name, value| match *value {
        ConfigData::Int(n) if n == 0 || n < -1 => Err(refused(name, n, rule)),
        ConfigData::Short(n) if n == 0 || n < -1 => Err(refused(name, n.into(), rule)),
        _ => Ok(()),
    })
}

fn refused(name: &str, number: i32, rule: &str) -> gantry_model::Error {
    gantry_model::Error::config(format!("Invalid value {number} for configuration {name}: {rule}"))
}

fn given_number(inner: Validator) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::Null => Ok(()),
        _ => inner.check(name, value),
    })
}
