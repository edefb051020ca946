//! Messages, enums and what is in them.

use gantry_schema_model::InvalidSchema;

use super::{Printer, Result, indent};
use crate::element::{
    Enum, EnumValue, Extensions, Field, Group, MAX_FIELD_NUMBER, Message, Numbers, Oneof, Reserved,
    ReservedValue,
};
use crate::option::{OptionValue, ProtoOption};
use crate::type_name::{Scalar, TypeName};

impl Printer<'_> {
    pub(super) fn message(&mut self, message: &Message) -> Result<String> {
        let mut out = format!("message {} {{", message.name);
        self.all_reserved(&mut out, &message.reserved);
        self.option_statements(&mut out, &message.options);
        self.fields(&mut out, &message.fields)?;
        self.oneofs(&mut out, &message.oneofs)?;
        self.groups(&mut out, &message.groups)?;
        if !self.ignores_extensions {
            self.all_extensions(&mut out, &message.extensions);
            if !message.extends.is_empty() {
                out.push('\n');
                for extend in self.extends(&message.extends)? {
                    indent(&mut out, &extend);
                }
            }
        }
        if let Some(types) = self.types(&message.types)? {
            // The first of its lines is empty and stays so.
            out.push('\n');
            indent(&mut out, types.strip_prefix('\n').unwrap_or(&types));
        }
        out.push_str("}\n");
        Ok(out)
    }

    pub(super) fn enumeration(&self, of: &Enum) -> String {
        let mut out = format!("enum {} {{", of.name);
        self.all_reserved(&mut out, &of.reserved);
        if of.reserved.is_empty() && !(of.options.is_empty() && of.values.is_empty()) {
            out.push('\n');
        }
        for option in &self.options(&of.options) {
            indent(&mut out, &self.option_statement(option));
        }
        let mut values: Vec<&EnumValue> = of.values.iter().collect();
        if self.types.is_some() {
            values.sort_by(|a, b| a.number.cmp(&b.number).then_with(|| a.name.cmp(&b.name)));
        }
        for value in values {
            let mut line = format!("{} = {}", value.name, value.number);
            self.options_in_brackets(&mut line, &value.options);
            line.push_str(";\n");
            indent(&mut out, &line);
        }
        out.push_str("}\n");
        out
    }

    fn fields(&self, out: &mut String, fields: &[Field]) -> Result<()> {
        if fields.is_empty() {
            return Ok(());
        }
        out.push('\n');
        let mut fields: Vec<&Field> = fields.iter().collect();
        if self.types.is_some() {
            fields.sort_by_key(|field| field.number);
        }
        for field in fields {
            indent(out, &self.field(field)?);
        }
        Ok(())
    }

    fn oneofs(&self, out: &mut String, oneofs: &[Oneof]) -> Result<()> {
        if oneofs.is_empty() {
            return Ok(());
        }
        out.push('\n');
        let mut oneofs: Vec<&Oneof> = oneofs.iter().collect();
        if self.types.is_some() {
            let lowest = |of: &&Oneof| of.fields.iter().map(|field| field.number).min();
            oneofs.retain(|of| !of.fields.is_empty());
            oneofs.sort_by_key(lowest);
        }
        for oneof in oneofs {
            let mut text = format!("oneof {} {{", oneof.name);
            self.option_statements(&mut text, &oneof.options);
            self.fields(&mut text, &oneof.fields)?;
            self.groups(&mut text, &oneof.groups)?;
            text.push_str("}\n");
            indent(out, &text);
        }
        Ok(())
    }

    fn groups(&self, out: &mut String, groups: &[Group]) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        out.push('\n');
        let mut groups: Vec<&Group> = groups.iter().collect();
        if self.types.is_some() {
            groups.sort_by_key(|group| group.number);
        }
        for group in groups {
            let label = group.label.map(|label| format!("{} ", label.name())).unwrap_or_default();
            let mut text = format!("{label}group {} = {} {{", group.name, group.number);
            self.fields(&mut text, &group.fields)?;
            text.push_str("}\n");
            indent(out, &text);
        }
        Ok(())
    }

    pub(super) fn field(&self, field: &Field) -> Result<String> {
        let mut label = field.label;
        let mut type_name = field.type_name.clone();
        if self.types.is_some() {
            type_name = self.normal_type(&type_name)?;
            if let TypeName::Map(..) = TypeName::of(&type_name) {
                label = None;
            }
        }
        let mut out = label.map(|label| format!("{} ", label.name())).unwrap_or_default();
        out.push_str(&format!("{type_name} {} = {}", field.name, field.number));
        let mut options = field.options.clone();
        if let Some(default) = &field.default {
            options.push(plain("default", default_value(&type_name, default)));
        }
        if let Some(name) = &field.json_name {
            options.push(plain("json_name", OptionValue::Text(name.clone())));
        }
        self.options_in_brackets(&mut out, &options);
        out.push_str(";\n");
        Ok(out)
    }

    /// The type of a field with full names, where it is an entry of a map the map.
    fn normal_type(&self, written: &str) -> Result<String> {
        let Some(types) = self.types else { return Ok(written.to_owned()) };
        TypeName::of(written).check_keys().map_err(InvalidSchema)?;
        let mut name = written.to_owned();
        if let TypeName::Named(_) = TypeName::of(written) {
            name = self.resolved(types, written)?;
            if let Some(entry) = types.get(&name).filter(|info| info.is_map) {
                let map = entry.map.clone().ok_or_else(|| {
                    InvalidSchema(format!("The entry of a map has no key or no value: {name}"))
                })?;
                TypeName::of(&map).check_keys().map_err(InvalidSchema)?;
                name = map;
            }
        }
        if let TypeName::Map(key, value) = TypeName::of(&name)
            && let Some((value, _)) = types.resolve(self.package, &self.scope, value)
        {
            return Ok(format!("map<{key}, .{value}>"));
        }
        Ok(name)
    }

    fn all_reserved(&self, out: &mut String, all: &[Reserved]) {
        if all.is_empty() {
            return;
        }
        out.push('\n');
        let mut lists: Vec<Vec<&ReservedValue>> =
            all.iter().map(|of| of.values.iter().collect()).collect();
        if self.types.is_some() {
            lists = lists.into_iter().flatten().map(|value| vec![value]).collect();
            let first = |list: &Vec<&ReservedValue>| match list.first() {
                Some(ReservedValue::Numbers(Numbers::One(of) | Numbers::Range(of, _))) => *of,
                _ => i32::MAX,
            };
            let written = |list: &Vec<&ReservedValue>| match list.first() {
                Some(ReservedValue::Name(name)) => name.clone(),
                Some(ReservedValue::Numbers(Numbers::One(number))) => number.to_string(),
                Some(ReservedValue::Numbers(Numbers::Range(from, to))) => format!("{from}..{to}"),
                None => String::new(),
            };
            lists.sort_by_cached_key(|list| (first(list), written(list)));
        }
        for list in lists {
            let values = list.iter().map(|value| match value {
                ReservedValue::Name(name) => format!("\"{name}\""),
                ReservedValue::Numbers(numbers) => self.numbers(*numbers),
            });
            let values: Vec<String> = values.collect();
            indent(out, &format!("reserved {};\n", values.join(", ")));
        }
    }

    fn all_extensions(&self, out: &mut String, all: &[Extensions]) {
        if all.is_empty() {
            return;
        }
        out.push('\n');
        let mut lists: Vec<(Vec<Numbers>, &[ProtoOption])> =
            all.iter().map(|of| (of.values.clone(), of.options.as_slice())).collect();
        if self.types.is_some() {
            let each = |(values, options): (Vec<Numbers>, _)| {
                values.into_iter().map(move |value| (vec![value], options))
            };
            lists = lists.into_iter().flat_map(each).collect();
            lists.sort_by_key(|(values, _)| match values.first() {
                Some(Numbers::One(of) | Numbers::Range(of, _)) => *of,
                None => i32::MAX,
            });
        }
        for (values, options) in lists {
            let values: Vec<String> = values.iter().map(|value| self.numbers(*value)).collect();
            let mut line = format!("extensions {}", values.join(", "));
            self.options_in_brackets(&mut line, options);
            line.push_str(";\n");
            indent(out, &line);
        }
    }

    fn numbers(&self, numbers: Numbers) -> String {
        match numbers {
            Numbers::One(number) => number.to_string(),
            Numbers::Range(first, last) if self.types.is_some() && first == last => {
                first.to_string()
            }
            Numbers::Range(first, last) if last < MAX_FIELD_NUMBER => format!("{first} to {last}"),
            Numbers::Range(first, _) => format!("{first} to max"),
        }
    }
}

fn plain(name: &str, value: OptionValue) -> ProtoOption {
    ProtoOption { name: name.to_owned(), value, parenthesized: false }
}

/// How a default is written depends on the last part of the name of its type.
fn default_value(type_name: &str, default: &str) -> OptionValue {
    let simple = type_name.rsplit('.').next().unwrap_or(type_name);
    let default = default.to_owned();
    match Scalar::named(simple) {
        Some(Scalar::String) => OptionValue::Text(default),
        Some(Scalar::Bool) | None => OptionValue::Name(default),
        Some(_) => OptionValue::Number(default),
    }
}
