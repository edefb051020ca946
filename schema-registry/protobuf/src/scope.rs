//! The types and extensions that a schema sees, and how a name finds the one it means.

use std::collections::{HashMap, HashSet};

use crate::element::{Extend, Field, Label, Message, ProtoFile, Type};
use crate::known;

/// A type that a schema sees.
#[derive(Clone, Debug)]
pub(crate) struct TypeInfo<'a> {
    /// The package of its file; may be empty.
    pub(crate) package: &'a str,
    /// The file it is from; none if it is from the schema itself.
    pub(crate) file: Option<&'a str>,
    pub(crate) element: &'a Type,
    /// Whether it is the entry of a map.
    pub(crate) is_map: bool,
    /// The type of this map, written as in a `.proto` file; none if keys or values are missing.
    pub(crate) map: Option<String>,
}

/// All types and extensions that a schema sees, by full name.
#[derive(Debug, Default)]
pub(crate) struct Types<'a> {
    types: HashMap<String, TypeInfo<'a>>,
    /// Of each extension whether it is a list.
    extensions: HashMap<String, bool>,
    /// Files that stand in the place of those that every schema sees.
    files: HashSet<&'a str>,
    /// Whether this is what every schema sees.
    is_known: bool,
    /// The length of the longest full name.
    longest: usize,
}

impl<'a> Types<'a> {
    /// What a file and those that it depends on declare.
    pub(crate) fn of(file: &'a ProtoFile, dependencies: &'a [(String, ProtoFile)]) -> Self {
        let mut types = Self::default();
        for (name, dependency) in dependencies {
            types.files.insert(name);
            types.add_file(Some(name), dependency);
        }
        types.add_file(None, file);
        types
    }

    /// What every schema sees.
    pub(crate) fn of_known(files: &'a [(&'static str, ProtoFile)]) -> Self {
        let mut types = Self { is_known: true, ..Self::default() };
        for (name, file) in files {
            types.add_file(Some(name), file);
        }
        types
    }

    fn add_file(&mut self, name: Option<&'a str>, file: &'a ProtoFile) {
        let package = file.package_name();
        self.add_extensions(package, &file.extends);
        self.add_types(name, package, package, &file.types);
    }

    fn add_types(
        &mut self,
        file: Option<&'a str>,
        package: &'a str,
        scope: &str,
        types: &'a [Type],
    ) {
        for element in types {
            let full = joined(scope, element.name());
            let message = element.as_message();
            if let Some(message) = message {
                self.add_extensions(&full, &message.extends);
            }
            self.add_types(file, package, &full, element.nested());
            let entry = message.filter(|message| message.is_map_entry());
            let (is_map, map) = (entry.is_some(), entry.and_then(map_of));
            self.longest = self.longest.max(full.len());
            self.types.insert(full, TypeInfo { package, file, element, is_map, map });
        }
    }

    fn add_extensions(&mut self, scope: &str, extends: &[Extend]) {
        for field in extends.iter().flat_map(|extend| &extend.fields) {
            let is_list = field.label == Some(Label::Repeated);
            let full = joined(scope, &field.name);
            self.longest = self.longest.max(full.len());
            self.extensions.insert(full, is_list);
        }
    }

    /// The type with this full name.
    pub(crate) fn get(&self, full: &str) -> Option<&TypeInfo<'a>> {
        let full = full.strip_prefix('.').unwrap_or(full);
        self.types.get(full).or_else(|| {
            let known = self.fallback()?.get(full)?;
            let is_replaced = known.file.is_some_and(|file| self.files.contains(file));
            (!is_replaced).then_some(known)
        })
    }

    /// Whether the extension with this full name is a list, if there is one.
    pub(crate) fn extension_is_list(&self, full: &str) -> Option<bool> {
        let full = full.strip_prefix('.').unwrap_or(full);
        let own = self.extensions.get(full).copied();
        own.or_else(|| self.fallback()?.extension_is_list(full))
    }

    fn fallback(&self) -> Option<&'static Types<'static>> {
        (!self.is_known).then(known::types)
    }

    /// The type that a name means in a scope of a package, and its full name.
    pub(crate) fn resolve(
        &self,
        package: &str,
        scope: &[String],
        name: &str,
    ) -> Option<(String, &TypeInfo<'a>)> {
        resolve(package, scope, name, self.longest(), |full| self.get(full))
    }

    /// The length of the longest full name.
    fn longest(&self) -> usize {
        self.longest.max(self.fallback().map_or(0, |known| known.longest))
    }

    /// The full name of the extension that a name means in a scope of a package.
    pub(crate) fn resolve_extension(
        &self,
        package: &str,
        scope: &[String],
        name: &str,
    ) -> Option<String> {
        let get = |full: &str| self.extension_is_list(full);
        resolve(package, scope, name, self.longest(), get).map(|(full, _)| full)
    }
}

/// Looks for a name in a scope, then in each around it. A name that begins with a dot is full.
/// Names longer than `longest` are not there.
fn resolve<T>(
    package: &str,
    scope: &[String],
    name: &str,
    longest: usize,
    get: impl Fn(&str) -> Option<T>,
) -> Option<(String, T)> {
    if let Some(full) = name.strip_prefix('.') {
        return get(full).map(|found| (full.to_owned(), found));
    }
    let mut around = package.to_owned();
    for part in scope {
        around = joined(&around, part);
    }
    while !around.is_empty() {
        if around.len() + name.len() < longest {
            let full = joined(&around, name);
            if let Some(found) = get(&full) {
                return Some((full, found));
            }
        }
        around.truncate(around.rfind('.').unwrap_or(0));
    }
    get(name).map(|found| (name.to_owned(), found))
}

/// A name in a scope.
pub(crate) fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// The type of the map whose entry a message is.
fn map_of(entry: &Message) -> Option<String> {
    let type_of = |name| entry.field(name).map(|field: &Field| field.type_name.as_str());
    Some(format!("map<{}, {}>", type_of("key")?, type_of("value")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;

    fn scope(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn names_are_looked_up_from_the_inside() {
        let text = r#"
            syntax = "proto3"; package a.b;
            message M { message N { message M {} } enum E { X = 0; } }
            message FEntry { option map_entry = true; string key = 1; int32 value = 2; }
            extend M { repeated M list = 1; M one = 2; }
        "#;
        let dependency = "syntax = \"proto3\"; package a; message D {}";
        let file = parse(text).unwrap();
        let dependencies = [("d.proto".to_owned(), parse(dependency).unwrap())];
        let types = Types::of(&file, &dependencies);
        let resolve = |parts: &[&str], name: &str| {
            types.resolve("a.b", &scope(parts), name).map(|(full, _)| full)
        };
        assert_eq!(resolve(&["M", "N"], "M").unwrap(), "a.b.M.N.M");
        assert_eq!(resolve(&["M"], "N.M").unwrap(), "a.b.M.N.M");
        assert_eq!(resolve(&[], "M").unwrap(), "a.b.M");
        assert_eq!(resolve(&["M"], "D").unwrap(), "a.D");
        assert_eq!(resolve(&["M"], "b.M.E").unwrap(), "a.b.M.E");
        assert_eq!(resolve(&["M"], ".a.b.M").unwrap(), "a.b.M");
        assert_eq!(resolve(&["M"], ".M"), None);
        assert_eq!(resolve(&[], "google.protobuf.Timestamp").unwrap(), "google.protobuf.Timestamp");
        assert_eq!(types.get("a.D").unwrap().file, Some("d.proto"));
        assert_eq!(types.get("a.b.FEntry").unwrap().map.as_deref(), Some("map<string, int32>"));
        assert_eq!(types.extension_is_list("a.b.list"), Some(true));
        assert_eq!(types.resolve_extension("a.b", &[], "one").unwrap(), "a.b.one");
        let meta = "confluent.field_meta";
        assert_eq!(types.resolve_extension("a.b", &[], meta).as_deref(), Some(meta));
    }

    #[test]
    fn own_files_replace_those_that_every_schema_sees() {
        let own = "syntax = \"proto3\"; package google.type; message Other {}";
        let dependencies = [("google/type/date.proto".to_owned(), parse(own).unwrap())];
        let file = ProtoFile::default();
        let types = Types::of(&file, &dependencies);
        assert!(types.get("google.type.Other").is_some());
        assert!(types.get("google.type.Date").is_none());
        assert!(types.get("google.type.Money").is_some());
    }
}
