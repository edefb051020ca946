//! Takes files in: first what they declare, then what the names in them mean.

use std::collections::{HashMap, HashSet};

use gantry_schema_model::InvalidSchema;

use super::features::Features;
use super::symbols::{AllSymbols, Problem, Symbol, Symbols};
use super::{
    Descriptors, EnumDescriptor, EnumId, EnumValueDescriptor, FileDescriptor, FileId,
    MessageDescriptor, MessageId, OneofDescriptor, TypeId,
};
use crate::descriptor::{
    EnumProto, FEATURES_OF_ENUM, FEATURES_OF_FILE, FEATURES_OF_MESSAGE, FieldProto, FileProto,
    MessageProto, OneofProto, ServiceProto,
};
use crate::element::Syntax;
use crate::scope::joined;

#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) pool: Descriptors,
    pub(super) symbols: AllSymbols,
    /// The names of the file that is being declared.
    declared: Symbols,
    /// Places of files by their paths.
    files: HashMap<String, usize>,
}

/// Where something is declared.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: usize,
    path: &'a str,
    parent: Option<MessageId>,
    /// The full name of what is around it; may be empty.
    scope: &'a str,
    features: Features,
}

impl Builder {
    /// Takes a file in, behind all that it imports.
    pub(super) fn add(&mut self, file: &FileProto) -> Result<(), InvalidSchema> {
        let invalid = |Problem { name, description }| {
            InvalidSchema(format!("Invalid protobuf schema definition: {name}: {description}"))
        };
        let place = self.declare(file).map_err(invalid)?;
        self.link(file, place).map_err(invalid)?;
        self.add_names(place)
    }

    pub(super) fn finish(self) -> Descriptors {
        self.pool
    }

    fn declare(&mut self, file: &FileProto) -> Result<usize, Problem> {
        let place = self.symbols.files.len();
        let package = file.package.clone().unwrap_or_default();
        self.declared = self.imported(file);
        self.files.insert(file.name.clone(), place);
        self.declared.add_package(&file.name, &package);
        let is_proto3 = file.syntax.as_deref() == Some(Syntax::Proto3.name());
        let features = Features::of_file(is_proto3, &file.options, FEATURES_OF_FILE);
        let path = file.name.as_str();
        let top = Place { file: place, path, parent: None, scope: &package, features };
        let mut messages = Vec::with_capacity(file.messages.len());
        for message in &file.messages {
            messages.push(self.declare_message(message, top)?);
        }
        let mut enums = Vec::with_capacity(file.enums.len());
        for of in &file.enums {
            enums.push(self.declare_enum(of, top)?);
        }
        for service in &file.services {
            self.declare_service(service, top)?;
        }
        for field in &file.extensions {
            self.declare_field(field, path, &package)?;
        }
        self.symbols.files.push(std::mem::take(&mut self.declared));
        self.pool.files.push(FileDescriptor {
            name: file.name.clone(),
            package: package.clone(),
            is_proto3,
            messages,
            enums,
            meta: file.options.meta.clone(),
        });
        Ok(place)
    }

    /// The names that a file has before it declares any: the packages of what it imports.
    fn imported(&self, file: &FileProto) -> Symbols {
        let mut symbols = Symbols::default();
        let mut seen = HashSet::new();
        let mut queue: Vec<usize> = Vec::new();
        for (at, path) in file.dependencies.iter().enumerate() {
            let Some(import) = self.files.get(path).copied() else { continue };
            queue.push(import);
            if file.public_dependencies.iter().any(|of| usize::try_from(*of) == Ok(at)) {
                symbols.public.push(import);
            }
        }
        let mut next = 0;
        while let Some(import) = queue.get(next).copied() {
            next += 1;
            if seen.insert(import) {
                symbols.visible.push(import);
                let public = self.symbols.files.get(import).map(|of| of.public.as_slice());
                queue.extend(public.unwrap_or_default());
            }
        }
        for import in symbols.visible.clone() {
            if let Some(import) = self.pool.files.get(import) {
                symbols.add_package(&import.name, &import.package);
            }
        }
        symbols
    }

    fn declare_message(
        &mut self,
        message: &MessageProto,
        place: Place<'_>,
    ) -> Result<MessageId, Problem> {
        let id = MessageId(self.pool.messages.len());
        let full_name = joined(place.scope, &message.name);
        let features = place.features.changed_by(&message.options, FEATURES_OF_MESSAGE);
        self.pool.messages.push(MessageDescriptor {
            id,
            name: message.name.clone(),
            full_name: full_name.clone(),
            file: FileId(place.file),
            parent: place.parent,
            fields: Vec::with_capacity(message.fields.len()),
            oneofs: oneofs(message),
            messages: Vec::new(),
            enums: Vec::new(),
            is_map_entry: message.options.is_map_entry(),
            meta: message.options.meta.clone(),
            by_number: HashMap::new(),
            by_name: HashMap::new(),
            extension_ranges: message
                .extension_ranges
                .iter()
                .map(|range| (range.start, range.end))
                .collect(),
        });
        let inner = Place { parent: Some(id), scope: &full_name, features, ..place };
        let mut messages = Vec::with_capacity(message.nested.len());
        for nested in &message.nested {
            messages.push(self.declare_message(nested, inner)?);
        }
        let mut enums = Vec::with_capacity(message.enums.len());
        for of in &message.enums {
            enums.push(self.declare_enum(of, inner)?);
        }
        for field in message.fields.iter().chain(&message.extensions) {
            self.declare_field(field, place.path, &full_name)?;
        }
        self.declared.add(place.path, &full_name, &message.name, Symbol::Message(id))?;
        if let Some(declared) = self.pool.messages.get_mut(id.0) {
            declared.messages = messages;
            declared.enums = enums;
        }
        Ok(id)
    }

    fn declare_field(
        &mut self,
        field: &FieldProto,
        path: &str,
        scope: &str,
    ) -> Result<(), Problem> {
        let full_name = joined(scope, &field.name);
        if field.number <= 0 {
            return Err(Problem::new(&full_name, "Field numbers must be positive integers."));
        }
        self.declared.add(path, &full_name, &field.name, Symbol::Other)
    }

    fn declare_enum(&mut self, of: &EnumProto, place: Place<'_>) -> Result<EnumId, Problem> {
        let id = EnumId(self.pool.enums.len());
        let full_name = joined(place.scope, &of.name);
        if of.values.is_empty() {
            return Err(Problem::new(&full_name, "Enums must contain at least one value."));
        }
        let mut values = Vec::with_capacity(of.values.len());
        for value in &of.values {
            let symbol = joined(&full_name, &value.name);
            self.declared.add(place.path, &symbol, &value.name, Symbol::Other)?;
            let meta = value.options.meta.clone();
            values.push(EnumValueDescriptor {
                name: value.name.clone(),
                number: value.number,
                meta,
            });
        }
        self.declared.add(place.path, &full_name, &of.name, Symbol::Enum(id))?;
        let features = place.features.changed_by(&of.options, FEATURES_OF_ENUM);
        self.pool.enums.push(EnumDescriptor {
            id,
            name: of.name.clone(),
            full_name,
            file: FileId(place.file),
            parent: place.parent,
            values,
            is_closed: features.is_closed,
            meta: of.options.meta.clone(),
        });
        Ok(id)
    }

    fn declare_service(&mut self, service: &ServiceProto, place: Place<'_>) -> Result<(), Problem> {
        let full_name = joined(place.scope, &service.name);
        for method in &service.methods {
            let symbol = joined(&full_name, &method.name);
            self.declared.add(place.path, &symbol, &method.name, Symbol::Other)?;
        }
        self.declared.add(place.path, &full_name, &service.name, Symbol::Service)
    }

    /// Makes the types of a file known by their full names, of which each may be there once.
    fn add_names(&mut self, file: usize) -> Result<(), InvalidSchema> {
        let pool = &mut self.pool;
        let messages = pool.messages.iter().filter(|of| of.file.0 == file);
        let messages = messages.map(|of| (&of.full_name, TypeId::Message(of.id)));
        let enums = pool.enums.iter().filter(|of| of.file.0 == file);
        let enums = enums.map(|of| (&of.full_name, TypeId::Enum(of.id)));
        for (name, id) in messages.chain(enums) {
            if pool.by_name.insert(name.clone(), id).is_some() {
                return Err(InvalidSchema(format!("duplicate name: {name}")));
            }
        }
        Ok(())
    }
}

fn oneofs(message: &MessageProto) -> Vec<OneofDescriptor> {
    let new = |oneof: &OneofProto| OneofDescriptor {
        name: oneof.name.clone(),
        is_synthetic: false,
        fields: Vec::new(),
    };
    let mut oneofs: Vec<OneofDescriptor> = message.oneofs.iter().map(new).collect();
    for (at, field) in message.fields.iter().enumerate() {
        let place = field.oneof.and_then(|place| usize::try_from(place).ok());
        if let Some(oneof) = place.and_then(|place| oneofs.get_mut(place)) {
            oneof.is_synthetic = field.proto3_optional && oneof.fields.is_empty();
            oneof.fields.push(at);
        }
    }
    oneofs
}
