//! Options and their values.

use std::collections::BTreeMap;

use super::number::normal;
use super::{Printer, indent};
use crate::option::{OptionValue, ProtoOption, merged};
use crate::scope::Types;

impl Printer<'_> {
    /// The options that are shown, in the order in which they are shown.
    pub(super) fn options(&self, options: &[ProtoOption]) -> Vec<ProtoOption> {
        let is_shown = |option: &&ProtoOption| {
            !self.ignores_extensions
                || !option.parenthesized
                || option.name.starts_with("confluent.")
        };
        let shown = options.iter().filter(is_shown).cloned();
        match self.types {
            None => shown.collect(),
            Some(types) => {
                let mut options: Vec<_> =
                    shown.map(|option| self.with_full_name(types, option)).collect();
                options.sort_by(|a, b| a.name.cmp(&b.name));
                taken_together(types, &options)
            }
        }
    }

    fn with_full_name(&self, types: &Types<'_>, option: ProtoOption) -> ProtoOption {
        if !option.parenthesized {
            return option;
        }
        match types.resolve_extension(self.package, &self.scope, &option.name) {
            Some(name) => ProtoOption { name, ..option }.with_parts_as_map(),
            None => option,
        }
    }

    /// `option name = value;` and the end of the line.
    pub(super) fn option_statement(&self, option: &ProtoOption) -> String {
        format!("option {};\n", self.option(option))
    }

    /// Options behind a declaration, if there are any.
    pub(super) fn options_in_brackets(&self, out: &mut String, options: &[ProtoOption]) {
        let options = self.options(options);
        if !options.is_empty() {
            let texts: Vec<String> = options.iter().map(|option| self.option(option)).collect();
            out.push(' ');
            in_brackets(out, &texts);
        }
    }

    fn option(&self, option: &ProtoOption) -> String {
        let mut out = String::new();
        if option.parenthesized {
            out.push_str(&format!("({})", option.name));
        } else {
            out.push_str(&option.name);
        }
        match &option.value {
            OptionValue::Part(part) => {
                out.push('.');
                out.push_str(&self.option(part));
            }
            OptionValue::List(list) => {
                out.push_str(" = ");
                let texts: Vec<String> = list.iter().map(|value| self.value(value)).collect();
                in_brackets(&mut out, &texts);
            }
            value => {
                out.push_str(" = ");
                out.push_str(&self.value(value));
            }
        }
        out
    }

    fn value(&self, value: &OptionValue) -> String {
        match value {
            OptionValue::Text(text) => format!("\"{}\"", escaped(text)),
            OptionValue::Bool(is) => is.to_string(),
            OptionValue::Name(name) => name.clone(),
            OptionValue::Number(number) => match self.types {
                Some(_) => normal(number).unwrap_or_else(|| number.clone()),
                None => number.clone(),
            },
            OptionValue::Part(part) => self.option(part),
            OptionValue::Map(map) => self.map(map),
            OptionValue::List(list) => match list.as_slice() {
                [one] if self.types.is_some() => self.value(one),
                list => {
                    let mut out = "[\n".to_owned();
                    for (at, value) in list.iter().enumerate() {
                        let end = if at + 1 < list.len() { "," } else { "" };
                        indent(&mut out, &format!("{}{end}", self.value(value)));
                    }
                    out.push(']');
                    out
                }
            },
        }
    }

    fn map(&self, map: &[(String, OptionValue)]) -> String {
        let entries = match self.types {
            None => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Some(types) => self.normal_entries(types, map),
        };
        let mut out = "{\n".to_owned();
        for (at, (key, value)) in entries.iter().enumerate() {
            let end = if at + 1 < entries.len() { "," } else { "" };
            indent(&mut out, &format!("{key}: {}{end}", self.value(value)));
        }
        out.push('}');
        out
    }

    /// The entries by key, of which each is there once; empty lists are left out.
    fn normal_entries<'b>(
        &self,
        types: &Types<'_>,
        map: &'b [(String, OptionValue)],
    ) -> Vec<(String, &'b OptionValue)> {
        let mut entries = BTreeMap::new();
        for (key, value) in map {
            if !matches!(value, OptionValue::List(list) if list.is_empty()) {
                entries.entry(self.normal_key(types, key)).or_insert(value);
            }
        }
        entries.into_iter().collect()
    }

    /// The name of an extension in full.
    fn normal_key(&self, types: &Types<'_>, key: &str) -> String {
        let extension = key.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        extension
            .and_then(|name| types.resolve_extension(self.package, &self.scope, name))
            .map_or_else(|| key.to_owned(), |full| format!("[{full}]"))
    }
}

/// The statements of one option, which stand side by side, as one, unless it is a list.
fn taken_together(types: &Types<'_>, options: &[ProtoOption]) -> Vec<ProtoOption> {
    let mut all = Vec::with_capacity(options.len());
    for statements in options.chunk_by(|a, b| a.name == b.name) {
        let name = statements.first().map(|option| option.name.as_str()).unwrap_or_default();
        if statements.len() > 1 && types.extension_is_list(name) == Some(false) {
            all.extend(merged(statements.iter().cloned()));
        } else {
            all.extend_from_slice(statements);
        }
    }
    all
}

/// One in the same line, several in a line each.
fn in_brackets(out: &mut String, texts: &[String]) {
    if let [one] = texts {
        out.push_str(&format!("[{one}]"));
        return;
    }
    out.push_str("[\n");
    for (at, text) in texts.iter().enumerate() {
        let end = if at + 1 < texts.len() { "," } else { "" };
        indent(out, &format!("{text}{end}"));
    }
    out.push(']');
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out
}
