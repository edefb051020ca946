//! Options of descriptors: how each is written in a text and in bytes.

use gantry_schema_model::InvalidSchema;

use super::annotations;
use super::tables::{MAP_ENTRY, PACKED};
use super::wire::{self, Value, Writer};
use crate::meta::Meta;
use crate::option::{OptionValue, ProtoOption, find};

/// Options of something that a descriptor describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Whether they are there even if none is set.
    pub(crate) present: bool,
    /// Numbers and values of those that are set.
    pub(crate) fields: Vec<(u32, OptionField)>,
    /// Annotations.
    pub(crate) meta: Option<Meta>,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OptionField {
    Number(i64),
    Text(String),
    Message(Vec<(u32, OptionField)>),
}

/// An option that there is.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) shape: Shape,
    pub(super) is_list: bool,
}

/// What an option is set to.
pub(super) enum Shape {
    Text,
    Bool,
    Int,
    Enum(&'static Names),
    Message(&'static [Definition]),
}

/// Names of the values of an enum.
pub(super) struct Names {
    /// The enum as Java's errors name it; none if a value that is not known is no error.
    pub(super) java: Option<&'static str>,
    /// What a name that is not known stands for.
    pub(super) unknown: Option<i64>,
    pub(super) values: &'static [(&'static str, i64)],
}

/// All options of something, in the order in which a text has them.
pub(super) struct Table {
    pub(super) definitions: &'static [Definition],
    /// The option that holds annotations.
    pub(super) meta: Option<&'static str>,
}

impl Names {
    /// The number of a name; none if the option is as good as not set.
    fn number(&self, name: &str) -> Result<Option<i64>, InvalidSchema> {
        let known = self.values.iter().find(|(known, _)| *known == name);
        match (known, self.java) {
            (Some((_, number)), _) => Ok(Some(*number)),
            (None, None) => Ok(self.unknown),
            (None, Some(java)) => Err(InvalidSchema(format!(
                "No enum constant com.google.protobuf.DescriptorProtos.{java}.{name}"
            ))),
        }
    }

    fn name(&self, number: i64) -> Option<&'static str> {
        self.values.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
    }
}

impl Definition {
    /// The value that a text sets it to; none if it is as good as not set.
    fn read(&self, value: &OptionValue) -> Result<Option<OptionField>, InvalidSchema> {
        Ok(match &self.shape {
            Shape::Text => Some(OptionField::Text(value.to_string())),
            Shape::Bool => Some(OptionField::Number(i64::from(value.is_true()))),
            Shape::Int => value.to_string().parse().ok().map(OptionField::Number),
            Shape::Enum(names) => names.number(&value.to_string())?.map(OptionField::Number),
            Shape::Message(definitions) => {
                if !matches!(value, OptionValue::Map(_)) {
                    return Err(InvalidSchema("Expected option of kind MAP".to_owned()));
                }
                let mut fields = Vec::new();
                for definition in *definitions {
                    if let Some(value) = value.get(definition.name)
                        && let Some(field) = definition.read(value)?
                    {
                        fields.push((definition.number, field));
                    }
                }
                Some(OptionField::Message(fields))
            }
        })
    }

    /// The value as a text has it.
    fn written(&self, field: &OptionField) -> Option<OptionValue> {
        match (&self.shape, field) {
            (Shape::Text, OptionField::Text(text)) => Some(OptionValue::Text(text.clone())),
            (Shape::Bool, OptionField::Number(number)) => Some(OptionValue::Bool(*number != 0)),
            (Shape::Int, OptionField::Number(number)) => {
                Some(OptionValue::Number(number.to_string()))
            }
            (Shape::Enum(names), OptionField::Number(number)) => {
                names.name(*number).map(|name| OptionValue::Name(name.to_owned()))
            }
            (Shape::Message(definitions), OptionField::Message(fields)) => {
                let mut map = Vec::new();
                for definition in *definitions {
                    let of_this = fields.iter().filter(|(number, _)| *number == definition.number);
                    for (_, field) in of_this {
                        if let Some(value) = definition.written(field) {
                            map.push((definition.name.to_owned(), value));
                        }
                    }
                }
                Some(OptionValue::Map(map))
            }
            _ => None,
        }
    }

    /// The value in bytes.
    fn decoded(&self, value: Value<'_>) -> Option<OptionField> {
        match &self.shape {
            Shape::Text => value.as_text().map(OptionField::Text),
            Shape::Bool => value.as_bool().map(|is| OptionField::Number(i64::from(is))),
            Shape::Int => value.as_int().map(|number| OptionField::Number(i64::from(number))),
            // A number without a name is as good as not there.
            Shape::Enum(names) => {
                let number = i64::from(value.as_int()?);
                names.name(number).map(|_| OptionField::Number(number))
            }
            Shape::Message(definitions) => {
                let mut fields = Vec::new();
                decode_fields(definitions, value.as_bytes()?, &mut fields)?;
                Some(OptionField::Message(fields))
            }
        }
    }
}

/// Reads the options that are known; nothing if the bytes are no message.
fn decode_fields(
    definitions: &[Definition],
    bytes: &[u8],
    fields: &mut Vec<(u32, OptionField)>,
) -> Option<()> {
    for (number, value) in wire::fields(bytes)? {
        let Some(definition) = definitions.iter().find(|of| of.number == number) else { continue };
        if definition.is_list
            && let Shape::Enum(names) = &definition.shape
        {
            let numbers = value.as_ints()?.into_iter().map(i64::from);
            let known = numbers.filter(|number| names.name(*number).is_some());
            fields.extend(known.map(|known| (number, OptionField::Number(known))));
            continue;
        }
        if let Shape::Message(_) = definition.shape {
            wire::fields(value.as_bytes().unwrap_or_default())?;
        }
        let Some(field) = definition.decoded(value) else { continue };
        let earlier = fields.iter_mut().find(|(known, _)| *known == number);
        match (definition.is_list, earlier) {
            (false, Some((_, earlier))) => *earlier = field,
            _ => fields.push((number, field)),
        }
    }
    Some(())
}

impl Table {
    /// The options that a text sets.
    pub(super) fn read(&self, options: &[ProtoOption]) -> Result<Options, InvalidSchema> {
        let mut read = Options::default();
        if options.is_empty() {
            return Ok(read);
        }
        for definition in self.definitions {
            if definition.is_list {
                for option in options.iter().filter(|option| option.name == definition.name) {
                    if let Some(field) = definition.read(&option.value)? {
                        read.fields.push((definition.number, field));
                    }
                }
            } else if let Some(option) = find(options, definition.name)
                && let Some(field) = definition.read(&option.value)?
            {
                read.fields.push((definition.number, field));
            }
        }
        if let Some(option) = self.meta.and_then(|name| find(options, name)) {
            read.meta = Some(Meta::of(&option)?).filter(|meta| !meta.is_empty());
        }
        read.present = !read.fields.is_empty() || read.meta.is_some();
        Ok(read)
    }

    /// The options as a text has them.
    pub(super) fn written(&self, options: &Options) -> Vec<ProtoOption> {
        let mut written = Vec::new();
        for definition in self.definitions {
            for (_, field) in options.fields.iter().filter(|of| of.0 == definition.number) {
                if let Some(value) = definition.written(field) {
                    let name = definition.name.to_owned();
                    written.push(ProtoOption { name, value, parenthesized: false });
                }
            }
        }
        let meta = self.meta.zip(options.meta.as_ref());
        written.extend(meta.and_then(|(name, meta)| meta.to_option(name)));
        written
    }

    /// The options in bytes; nothing if these are no message.
    pub(super) fn decode(&self, bytes: &[u8], options: &mut Options) -> Option<()> {
        options.present = true;
        decode_fields(self.definitions, bytes, &mut options.fields)?;
        if self.meta.is_some() {
            for (number, value) in wire::fields(bytes)? {
                if let (annotations::NUMBER, Some(bytes)) = (number, value.as_bytes()) {
                    annotations::decode(bytes, options.meta.get_or_insert_default())?;
                }
            }
        }
        Some(())
    }
}

impl Options {
    /// The value of an option.
    pub(crate) fn get(&self, number: u32) -> Option<&OptionField> {
        self.fields.iter().find(|(known, _)| *known == number).map(|(_, field)| field)
    }

    fn is_set(&self, number: u32) -> bool {
        matches!(self.get(number), Some(OptionField::Number(is)) if *is != 0)
    }

    /// Options that say that a message is the entry of a map.
    pub(super) fn of_map_entry() -> Self {
        let fields = vec![(MAP_ENTRY, OptionField::Number(1))];
        Self { present: true, fields, meta: None }
    }

    /// Of a message: whether it is the entry of a map.
    pub(crate) fn is_map_entry(&self) -> bool {
        self.is_set(MAP_ENTRY)
    }

    /// Of a field: whether its values are to be packed, if it is said.
    pub(crate) fn packed(&self) -> Option<bool> {
        self.get(PACKED).map(|_| self.is_set(PACKED))
    }

    /// Writes them as a field of a message, if they are there.
    pub(super) fn encode(&self, field: u32, writer: &mut Writer) {
        if !self.present {
            return;
        }
        writer.message(field, |writer| {
            encode_fields(&self.fields, writer);
            if let Some(meta) = &self.meta {
                writer.message(annotations::NUMBER, |writer| annotations::encode(meta, writer));
            }
        });
    }
}

fn encode_fields(fields: &[(u32, OptionField)], writer: &mut Writer) {
    let mut fields: Vec<&(u32, OptionField)> = fields.iter().collect();
    fields.sort_by_key(|(number, _)| *number);
    for (number, field) in fields {
        match field {
            OptionField::Number(value) => writer.number(*number, *value),
            OptionField::Text(text) => writer.text(*number, text),
            OptionField::Message(fields) => {
                writer.message(*number, |writer| encode_fields(fields, writer));
            }
        }
    }
}
