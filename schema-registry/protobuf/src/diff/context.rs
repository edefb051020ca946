//! Where a comparison is, and what it has found.

use std::collections::HashSet;
use std::ptr;

use super::difference::{Difference, DifferenceKind};
use crate::element::Message;
use crate::scope::{TypeInfo, Types};

/// How deep a comparison goes into messages that messages refer to; what lies deeper is compared
/// at the end.
const MAX_DEPTH: usize = 100;
/// Messages of other files are compared along every way that leads to them. After so many fields
/// each is compared once only: where messages refer to each other there is no end of ways.
const MAX_FIELDS: usize = 100_000;

/// One of the two schemas.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) types: &'a Types<'a>,
    /// The package of the message that is compared.
    pub(super) package: &'a str,
}

/// Two messages with the same name in their packages.
pub(super) struct Pair<'a> {
    pub(super) name: String,
    /// The packages of both.
    pub(super) packages: (&'a str, &'a str),
    pub(super) original: &'a Message,
    pub(super) update: &'a Message,
}

/// A comparison.
pub(super) struct Context<'a> {
    pub(super) original: Side<'a>,
    pub(super) update: Side<'a>,
    /// Whether both depend on the same files: what is in these need not be compared.
    pub(super) same_files: bool,
    /// Names of messages and oneofs and numbers of fields that lead here.
    path: Vec<String>,
    /// Names of messages and enums only.
    scope: Vec<String>,
    /// The messages that are being compared.
    open: HashSet<*const Message>,
    /// The messages that were compared once, or are being compared.
    seen: HashSet<*const Message>,
    /// What is still to be compared.
    deferred: Vec<Pair<'a>>,
    fields: usize,
    depth: usize,
    pub(super) differences: Vec<Difference>,
}

impl<'a> Context<'a> {
    pub(super) fn new(original: Side<'a>, update: Side<'a>, same_files: bool) -> Self {
        Self {
            original,
            update,
            same_files,
            path: Vec::new(),
            scope: Vec::new(),
            open: HashSet::new(),
            seen: HashSet::new(),
            deferred: Vec::new(),
            fields: 0,
            depth: 0,
            differences: Vec::new(),
        }
    }

    /// Notes a difference at this place.
    pub(super) fn add(&mut self, kind: DifferenceKind) {
        self.differences.push(Difference { kind, path: format!("#/{}", self.path.join("/")) });
    }

    /// Goes on at a part of what is compared.
    pub(super) fn at(&mut self, part: &str, compare: impl FnOnce(&mut Self)) {
        self.path.push(part.to_owned());
        compare(self);
        self.path.pop();
    }

    /// Goes on at a message or an enum.
    pub(super) fn at_type(&mut self, name: &str, compare: impl FnOnce(&mut Self)) {
        self.scope.push(name.to_owned());
        self.at(name, compare);
        self.scope.pop();
    }

    /// Compares a message: its fields, unless that is being done already, and what is in it.
    pub(super) fn in_message(
        &mut self,
        message: &Message,
        compare_fields: impl FnOnce(&mut Self),
        compare_types: impl FnOnce(&mut Self),
    ) {
        let address = ptr::from_ref(message);
        self.depth += 1;
        if self.open.insert(address) {
            self.seen.insert(address);
            self.fields = self.fields.saturating_add(message.fields.len());
            compare_fields(self);
            if self.fields < MAX_FIELDS {
                self.open.remove(&address);
            }
        }
        compare_types(self);
        self.depth -= 1;
    }

    /// Compares messages elsewhere; whether nothing was found there.
    pub(super) fn elsewhere(
        &mut self,
        pair: Pair<'a>,
        compare: impl FnOnce(&mut Self, &'a Message, &'a Message),
    ) -> bool {
        if self.depth >= MAX_DEPTH {
            self.deferred.push(pair);
            return true;
        }
        let packages = (self.original.package, self.update.package);
        (self.original.package, self.update.package) = pair.packages;
        let parts: Vec<String> = pair.name.split('.').map(str::to_owned).collect();
        let path = std::mem::replace(&mut self.path, parts.clone());
        let scope = std::mem::replace(&mut self.scope, parts);
        let found = self.differences.len();
        compare(self, pair.original, pair.update);
        (self.original.package, self.update.package) = packages;
        self.path = path;
        self.scope = scope;
        self.differences.len() == found
    }

    /// Messages that lay too deep and were not compared yet.
    pub(super) fn next_deferred(&mut self) -> Option<Pair<'a>> {
        let seen = &self.seen;
        self.deferred.retain(|pair| !seen.contains(&ptr::from_ref(pair.original)));
        self.deferred.pop()
    }

    /// What a name of the first schema means here, and its full name.
    pub(super) fn original_type(&self, name: &str) -> Option<(String, &'a TypeInfo<'a>)> {
        self.original.types.resolve(self.original.package, &self.scope, name)
    }

    /// What a name of the second schema means here, and its full name.
    pub(super) fn update_type(&self, name: &str) -> Option<(String, &'a TypeInfo<'a>)> {
        self.update.types.resolve(self.update.package, &self.scope, name)
    }
}
