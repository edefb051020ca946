//! The names that files declare, and how one finds what it means.

use std::collections::HashMap;

use super::{EnumId, MessageId};

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Package,
    Message(MessageId),
    Enum(EnumId),
    Service,
    /// A field, a method, a value of an enum.
    Other,
}

/// What is wrong with something: its full name, or the path of its file, and a description.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) name: String,
    pub(super) description: String,
}

impl Problem {
    pub(super) fn new(name: &str, description: impl Into<String>) -> Self {
        Self { name: name.to_owned(), description: description.into() }
    }
}

/// What can be looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Messages and enums.
    Types,
    /// What may have other names in it.
    Scopes,
}

impl Wanted {
    fn is(self, symbol: Symbol) -> bool {
        match symbol {
            Symbol::Message(_) | Symbol::Enum(_) => true,
            Symbol::Package | Symbol::Service => self == Self::Scopes,
            Symbol::Other => false,
        }
    }
}

/// The names of one file.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    by_name: HashMap<String, Symbol>,
    /// Of each package the file that it is known from.
    packages: HashMap<String, String>,
    /// Files whose names can be used here.
    pub(super) visible: Vec<usize>,
    /// Files whose names can be used wherever this one is imported.
    pub(super) public: Vec<usize>,
}

impl Symbols {
    /// Adds the package of a file and those around it.
    pub(super) fn add_package(&mut self, file: &str, package: &str) {
        let ends = package.match_indices('.').map(|(at, _)| at).chain([package.len()]);
        for end in ends {
            let Some(name) = package.get(..end).filter(|name| !name.is_empty()) else { continue };
            self.by_name.entry(name.to_owned()).or_insert(Symbol::Package);
            self.packages.entry(name.to_owned()).or_insert_with(|| file.to_owned());
        }
    }

    /// Adds the name of something that this file declares.
    pub(super) fn add(
        &mut self,
        file: &str,
        full: &str,
        name: &str,
        symbol: Symbol,
    ) -> Result<(), Problem> {
        check_name(full, name)?;
        if self.by_name.contains_key(full) {
            let other = self.packages.get(full).filter(|other| *other != file);
            let description = match (other, full.rsplit_once('.')) {
                (Some(other), _) => format!("\"{full}\" is already defined in file \"{other}\"."),
                (None, None) => format!("\"{full}\" is already defined."),
                (None, Some((scope, name))) => {
                    format!("\"{name}\" is already defined in \"{scope}\".")
                }
            };
            return Err(Problem::new(full, description));
        }
        self.by_name.insert(full.to_owned(), symbol);
        Ok(())
    }
}

/// A name is a letter or `_`, then letters, digits and `_`.
fn check_name(full: &str, name: &str) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(Problem::new(full, "Missing name."));
    }
    let is_valid = |(at, c): (usize, char)| {
        c.is_ascii_alphabetic() || c == '_' || (at > 0 && c.is_ascii_digit())
    };
    if name.char_indices().all(is_valid) {
        return Ok(());
    }
    Err(Problem::new(full, format!("\"{name}\" is not a valid identifier.")))
}

/// The names of all files.
#[derive(Debug, Default)]
pub(super) struct AllSymbols {
    pub(super) files: Vec<Symbols>,
}

impl AllSymbols {
    fn find(&self, file: usize, full: &str, wanted: Wanted) -> Option<Symbol> {
        let own = self.files.get(file)?;
        let others = own.visible.iter().filter_map(|other| self.files.get(*other));
        let mut found = [own].into_iter().chain(others).filter_map(|of| of.by_name.get(full));
        found.find(|symbol| wanted.is(**symbol)).copied()
    }

    /// The type that a name means where it is used by something with a full name. Of a name with
    /// several parts the first is looked for from the inside, and the others in what is found.
    pub(super) fn resolve(&self, file: usize, user: &str, name: &str) -> Result<Symbol, Problem> {
        let undefined = || Problem::new(user, format!("\"{name}\" is not defined."));
        if let Some(full) = name.strip_prefix('.') {
            return self.find(file, full, Wanted::Types).ok_or_else(undefined);
        }
        let first = name.split('.').next().unwrap_or(name);
        let mut scope = user;
        while let Some((outer, _)) = scope.rsplit_once('.') {
            scope = outer;
            let found = self.find(file, &format!("{scope}.{first}"), Wanted::Scopes);
            if let Some(found) = found {
                if first.len() == name.len() {
                    return Ok(found);
                }
                let full = format!("{scope}.{name}");
                return self.find(file, &full, Wanted::Types).ok_or_else(undefined);
            }
        }
        self.find(file, name, Wanted::Types).ok_or_else(undefined)
    }
}
