//! The text of a file, as a registry keeps it.

mod number;
mod options;
mod types;

use gantry_schema_model::InvalidSchema;

use crate::element::{Enum, Extend, Field, Method, ProtoFile, Service, Syntax, Type};
use crate::option::ProtoOption;
use crate::ordered::Ordered;
use crate::scope::Types;

type Result<T> = std::result::Result<T, InvalidSchema>;

/// The text of a file as it is.
pub(crate) fn canonical(file: &ProtoFile) -> Result<String> {
    Printer::new(file, false, None).file(file)
}

/// Without extensions and custom options other than those of Confluent.
pub(crate) fn without_extensions(file: &ProtoFile) -> Result<String> {
    Printer::new(file, true, None).file(file)
}

/// With full names, and in an order that does not depend on how the file was written.
pub(crate) fn normalized(file: &ProtoFile, types: &Types<'_>) -> Result<String> {
    Printer::new(file, false, Some(types)).file(file)
}

struct Printer<'a> {
    ignores_extensions: bool,
    /// All types, if the text is to be normalized.
    types: Option<&'a Types<'a>>,
    package: &'a str,
    /// The messages around what is being written.
    scope: Vec<String>,
}

/// Adds a text with each of its lines indented.
fn indent(out: &mut String, text: &str) {
    for line in text.trim_end_matches('\n').split('\n') {
        out.push_str("  ");
        out.push_str(line);
        out.push('\n');
    }
}

impl<'a> Printer<'a> {
    fn new(file: &'a ProtoFile, ignores_extensions: bool, types: Option<&'a Types<'a>>) -> Self {
        Self { ignores_extensions, types, package: file.package_name(), scope: Vec::new() }
    }

    /// The full name of a type, with a dot before it.
    fn resolved(&self, types: &Types<'_>, name: &str) -> Result<String> {
        types
            .resolve(self.package, &self.scope, name)
            .map(|(full, _)| format!(".{full}"))
            .ok_or_else(|| InvalidSchema(format!("Could not resolve type: {name}")))
    }

    fn file(&mut self, file: &ProtoFile) -> Result<String> {
        let mut out = String::new();
        if let Some(syntax) = file.syntax
            && (self.types.is_none() || syntax == Syntax::Proto3)
        {
            out.push_str(&format!("syntax = \"{}\";\n", syntax.name()));
        }
        if let Some(package) = &file.package {
            out.push_str(&format!("package {package};\n"));
        }
        if !file.imports.is_empty() || !file.public_imports.is_empty() {
            out.push('\n');
            for path in self.imports(&file.imports) {
                out.push_str(&format!("import \"{path}\";\n"));
            }
            for path in self.imports(&file.public_imports) {
                out.push_str(&format!("import public \"{path}\";\n"));
            }
        }
        let options = self.options(&file.options);
        if !options.is_empty() {
            out.push('\n');
            for option in &options {
                out.push_str(&self.option_statement(option));
            }
        }
        if let Some(types) = self.types(&file.types)? {
            out.push_str(&types);
        }
        if !self.ignores_extensions && !file.extends.is_empty() {
            out.push('\n');
            for extend in self.extends(&file.extends)? {
                out.push_str(&extend);
            }
        }
        if !file.services.is_empty() {
            out.push('\n');
            for service in &file.services {
                out.push_str(&self.service(service)?);
            }
        }
        Ok(out)
    }

    fn imports<'b>(&self, paths: &'b [String]) -> Vec<&'b str> {
        let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        if self.types.is_some() {
            paths.sort_unstable();
            paths.dedup();
        }
        paths
    }

    /// Messages, then enums, behind an empty line; nothing if there are none. Their order stays
    /// even if the text is normalized: clients refer to messages by their place.
    fn types(&mut self, types: &[Type]) -> Result<Option<String>> {
        let shown: Vec<&Type> = types.iter().filter(|of| !self.is_map_entry(of)).collect();
        if shown.is_empty() {
            return Ok(None);
        }
        let mut out = "\n".to_owned();
        for message in shown.iter().filter_map(|of| of.as_message()) {
            self.scope.push(message.name.clone());
            let text = self.message(message)?;
            self.scope.pop();
            out.push_str(&text);
        }
        for of in shown.iter().filter_map(|of| of.as_enum()) {
            out.push_str(&self.scoped_enum(of));
        }
        Ok(Some(out))
    }

    fn scoped_enum(&mut self, of: &Enum) -> String {
        self.scope.push(of.name.clone());
        let text = self.enumeration(of);
        self.scope.pop();
        text
    }

    /// Whether a type is written as a map where the text is normalized.
    fn is_map_entry(&self, of: &Type) -> bool {
        let found = |types: &Types<'_>| {
            let found = types.resolve(self.package, &self.scope, of.name());
            found.is_some_and(|(_, info)| info.is_map)
        };
        of.as_message().is_some() && self.types.is_some_and(found)
    }

    /// The texts of extensions; all of one message in one statement if the text is normalized.
    fn extends(&mut self, extends: &[Extend]) -> Result<Vec<String>> {
        let Some(types) = self.types else {
            return extends.iter().map(|of| self.extend(&of.name, of.fields.iter())).collect();
        };
        let mut by_message: Ordered<Vec<&Field>> = Ordered::default();
        for extend in extends {
            for field in &extend.fields {
                let name = self.resolved(types, &extend.name)?;
                by_message.add(name, vec![field], |known, new| known.extend(new));
            }
        }
        let texts = by_message.into_entries().into_iter().map(|(name, mut fields)| {
            fields.sort_by_key(|field| field.number);
            self.extend(&name, fields.into_iter())
        });
        texts.collect()
    }

    fn extend<'b>(&self, name: &str, fields: impl Iterator<Item = &'b Field>) -> Result<String> {
        let mut out = format!("extend {name} {{");
        for (at, field) in fields.enumerate() {
            if at == 0 {
                out.push('\n');
            }
            indent(&mut out, &self.field(field)?);
        }
        out.push_str("}\n");
        Ok(out)
    }

    fn service(&self, service: &Service) -> Result<String> {
        let mut out = format!("service {} {{", service.name);
        self.option_statements(&mut out, &service.options);
        if !service.methods.is_empty() {
            out.push('\n');
            for method in &service.methods {
                indent(&mut out, &self.method(method)?);
            }
        }
        out.push_str("}\n");
        Ok(out)
    }

    fn method(&self, method: &Method) -> Result<String> {
        let mut out = format!("rpc {} (", method.name);
        out.push_str(&self.message_of_method(&method.request, method.streams_requests)?);
        out.push_str(") returns (");
        out.push_str(&self.message_of_method(&method.response, method.streams_responses)?);
        out.push(')');
        let options = self.options(&method.options);
        if !options.is_empty() {
            out.push_str(" {\n");
            for option in &options {
                indent(&mut out, &self.option_statement(option));
            }
            out.push('}');
        }
        out.push_str(";\n");
        Ok(out)
    }

    fn message_of_method(&self, name: &str, is_stream: bool) -> Result<String> {
        let name = match self.types {
            Some(types) => self.resolved(types, name)?,
            None => name.to_owned(),
        };
        Ok(if is_stream { format!("stream {name}") } else { name })
    }

    /// Options as statements behind an empty line, if there are any.
    fn option_statements(&self, out: &mut String, options: &[ProtoOption]) {
        let options = self.options(options);
        if !options.is_empty() {
            out.push('\n');
            for option in &options {
                indent(out, &self.option_statement(option));
            }
        }
    }
}

#[cfg(test)]
mod tests;
