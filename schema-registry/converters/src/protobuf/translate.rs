//! From a Connect schema to the text of a Protobuf schema.

use std::collections::HashSet;

use gantry_model::logical::Logical;
use gantry_model::text::sort_as_hash_map;
use gantry_model::{Error, Fields, Kind, Result, Schema};
use gantry_schema_protobuf::element::{
    Enum, EnumValue, Field, Label, Message, Oneof, ProtoFile, Syntax, Type,
};
use gantry_schema_protobuf::{Meta, ProtobufSchema, Scalar, map_entry_name};

use super::config::Settings;
use super::covers::Covers;
use super::cycles::MAX_DEPTH;
use super::logical::message_of;
use super::{names, roots};

/// The text of the schema for values of a Connect schema.
pub(super) fn translate(settings: Settings, schema: &Schema) -> Result<String> {
    let Kind::Struct(fields) = schema.kind() else {
        return roots::text(schema).map(str::to_owned);
    };
    let mut translation = Translation { settings, unnamed: 0, imports: Vec::new() };
    let full_name = translation.named(schema);
    let (package, name) = split(settings, &full_name);
    for part in package.iter().flat_map(|package| package.split('.')) {
        identifier(part, &full_name)?;
    }
    let message = translation.message(&name, (schema, fields), 0)?;
    let file = ProtoFile {
        syntax: Some(Syntax::Proto3),
        package,
        imports: translation.imports,
        types: vec![Type::Message(message)],
        ..ProtoFile::default()
    };
    let invalid = |reason: &str| {
        Error::data(format!("Invalid protobuf schema definition for {full_name}: {reason}"))
    };
    let text = ProtobufSchema::text_of(&file).map_err(|error| invalid(&error.0))?;
    let read = ProtobufSchema::read(&text, &[]).map_err(|error| invalid(&error.0))?;
    read.descriptors().map_err(|error| invalid(&error.0))?;
    Ok(text)
}

/// The full name of the message for values of a struct schema.
pub(super) fn message_name(settings: Settings, schema: &Schema) -> String {
    let name = schema.name().filter(|name| !name.is_empty());
    let name = name.map_or_else(|| format!("{}1", names::DEFAULT_NAME), |name| name.to_string());
    match split(settings, &name) {
        (Some(package), name) => format!("{package}.{name}"),
        (None, name) => name,
    }
}

/// Package and simple name.
fn split(settings: Settings, full_name: &str) -> (Option<String>, String) {
    let scrub = |name: &str| scrub(settings, name);
    match full_name.rsplit_once('.') {
        Some((package, name)) => {
            let parts: Vec<String> = package.split('.').map(scrub).collect();
            (Some(parts.join(".")), scrub(name))
        }
        None => (None, scrub(full_name)),
    }
}

pub(super) fn scrub(settings: Settings, name: &str) -> String {
    match settings.scrub_names {
        true => names::scrubbed(name),
        false => name.to_owned(),
    }
}

fn identifier(name: &str, within: &str) -> Result<()> {
    if names::is_identifier(name) {
        return Ok(());
    }
    Err(Error::data(format!(
        "Invalid protobuf schema definition: {within}: \"{name}\" is not a valid identifier. \
         Rename it, or set scrub.invalid.names to true"
    )))
}

struct Translation {
    settings: Settings,
    /// How many schemas without a name were given one.
    unnamed: usize,
    imports: Vec<String>,
}

/// A message that is being made.
struct Scope<'a> {
    message: Message,
    /// Names and schemas of the message itself and of those in it.
    messages: Vec<(String, &'a Schema)>,
    /// Names of fields, which types must not have.
    fields: HashSet<String>,
    numbers: Numbers,
    depth: usize,
}

/// The numbers of the fields of a message.
struct Numbers {
    /// Those that parameters say.
    taken: HashSet<i32>,
    next: i32,
}

impl Numbers {
    fn next(&mut self) -> i32 {
        while self.taken.contains(&self.next) {
            self.next = self.next.saturating_add(1);
        }
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }
}

/// The number that a parameter of a schema says.
pub(super) fn number(schema: &Schema) -> Result<Option<i32>> {
    let Some(text) = names::parameter(schema, names::TAG) else { return Ok(None) };
    let number = text.parse().map_err(|_| {
        let tag = names::TAG;
        Error::data(format!("The parameter {tag} of a schema is no number of a field: {text}"))
    });
    number.map(Some)
}

impl Translation {
    /// The name of a schema, or one made up for it.
    fn named(&mut self, schema: &Schema) -> String {
        match schema.name().filter(|name| !name.is_empty()) {
            Some(name) => name.to_string(),
            None => {
                self.unnamed += 1;
                format!("{}{}", names::DEFAULT_NAME, self.unnamed)
            }
        }
    }

    /// The same without packages.
    fn simple(&mut self, schema: &Schema) -> String {
        let name = self.named(schema);
        scrub(self.settings, names::simple(&name))
    }

    fn message(
        &mut self,
        name: &str,
        (schema, fields): (&Schema, &Fields),
        depth: usize,
    ) -> Result<Message> {
        if depth > MAX_DEPTH {
            return Err(Error::data(format!(
                "Schema {name} is deeper than {MAX_DEPTH} structs in others, which no reader of \
                 Protobuf takes"
            )));
        }
        identifier(name, name)?;
        let message = Message { name: name.to_owned(), ..Message::default() };
        let mut scope = Scope {
            message,
            messages: vec![(name.to_owned(), schema)],
            fields: HashSet::new(),
            numbers: Numbers { taken: HashSet::new(), next: 1 },
            depth,
        };
        self.collect(fields, &mut scope)?;
        for field in fields.list() {
            let number = match number(&field.schema)? {
                Some(number) => number,
                // Also a union takes one that has none of its own, as it does in Confluent's.
                None => scope.numbers.next(),
            };
            let name = scrub(self.settings, &field.name);
            if names::is_union(&field.schema) {
                self.union(&mut scope, &field.schema, &name)?;
            } else {
                let element = self.field(&mut scope, &field.schema, (&name, number), false)?;
                scope.message.fields.push(element);
            }
        }
        // Members of unions without a number come behind all others.
        for field in scope.message.oneofs.iter_mut().flat_map(|oneof| &mut oneof.fields) {
            if field.number == 0 {
                field.number = scope.numbers.next();
            }
        }
        Ok(scope.message)
    }

    /// Takes down the names and the numbers that fields and members of unions have.
    fn collect(&self, fields: &Fields, scope: &mut Scope<'_>) -> Result<()> {
        for field in fields.list() {
            let name = scrub(self.settings, &field.name);
            identifier(&name, &format!("{}.{name}", scope.message.name))?;
            if names::is_union(&field.schema) {
                let members = field.schema.fields().map(|fields| fields.list());
                for member in members.unwrap_or_default() {
                    let name = scrub(self.settings, &member.name);
                    identifier(&name, &format!("{}.{name}", scope.message.name))?;
                    scope.fields.insert(name);
                    scope.numbers.taken.extend(number(&member.schema)?);
                }
            } else {
                scope.fields.insert(name);
                scope.numbers.taken.extend(number(&field.schema)?);
            }
        }
        Ok(())
    }

    fn union<'a>(&mut self, scope: &mut Scope<'a>, union: &'a Schema, field: &str) -> Result<()> {
        if union.name().is_none_or(|name| name.is_empty()) {
            // It is counted, although its name is not used.
            self.named(union);
        }
        let own = union.name().and_then(|name| name.strip_prefix(names::UNION)?.strip_prefix('.'));
        let own = own.map(names::simple);
        let general = names::parameter(union, names::ANY_UNION);
        let name = match self.settings.generalized_sum_types {
            true => general.or(own),
            false => own.or(general),
        };
        let name = name.filter(|name| !name.is_empty()).unwrap_or(field);
        let name = scrub(self.settings, name);
        identifier(&name, &format!("{}.{name}", scope.message.name))?;
        let mut fields = Vec::new();
        for member in union.fields().map(|fields| fields.list()).unwrap_or_default() {
            let number = number(&member.schema)?.unwrap_or(0);
            let name = scrub(self.settings, &member.name);
            if names::is_union(&member.schema) || !is_single(&member.schema) {
                return Err(unfit(scope, &name, "a list, a map or a union in a union"));
            }
            let element = self.field(scope, &member.schema, (&name, number), true)?;
            fields.push(Field { label: None, ..element });
        }
        scope.message.oneofs.push(Oneof { name, fields, ..Oneof::default() });
        Ok(())
    }

    fn field<'a>(
        &mut self,
        scope: &mut Scope<'a>,
        schema: &'a Schema,
        (name, number): (&str, i32),
        in_oneof: bool,
    ) -> Result<Field> {
        let mut label = match self.settings.optional_for_nullables && schema.is_optional() {
            true => Some(Label::Optional),
            false => None,
        };
        let mut element = schema;
        if let Kind::Array(inner) = schema.kind() {
            match inner.kind() {
                Kind::Array(_) => return Err(unfit(scope, name, "a list of lists")),
                Kind::Map { .. } => return Err(unfit(scope, name, "a list of maps")),
                _ if names::is_union(inner) => return Err(unfit(scope, name, "a list of unions")),
                _ => element = inner,
            }
        }
        if !is_single(schema) {
            label = Some(Label::Repeated);
        }
        let mut params = Vec::new();
        let type_name = self.type_name(scope, element, name, &mut params, in_oneof)?;
        sort_as_hash_map(&mut params, |(key, _)| key);
        let meta = Meta { params, ..Meta::default() };
        let options = meta.to_option(names::FIELD_META).into_iter().collect();
        let name = name.to_owned();
        Ok(Field { label, type_name, name, number, options, ..Field::default() })
    }

    fn type_name<'a>(
        &mut self,
        scope: &mut Scope<'a>,
        schema: &'a Schema,
        field: &str,
        params: &mut Vec<(String, String)>,
        in_oneof: bool,
    ) -> Result<String> {
        if let Some(logical) = Logical::of(schema) {
            if logical == Logical::Decimal {
                let keys = [
                    (names::DECIMAL_PRECISION, names::PRECISION),
                    (gantry_model::logical::SCALE_PARAMETER, names::SCALE),
                ];
                for (from, to) in keys {
                    let value = names::parameter(schema, from);
                    params.extend(value.map(|value| (to.to_owned(), value.to_owned())));
                }
            }
            return Ok(self.imported(message_of(logical)));
        }
        if schema.name().is_some_and(|name| &**name == names::VARIANT_STRUCT) {
            return Ok(self.imported(names::VARIANT));
        }
        if let Some((key, name)) = names::enum_of(schema) {
            return self.enumeration(scope, schema, (key, name));
        }
        match schema.kind() {
            Kind::Struct(fields) => self.structure(scope, (schema, fields), field),
            Kind::Map { key, value } => self.map(scope, schema, (key, value), field),
            Kind::Array(_) => Err(unfit(scope, field, "a list of lists")),
            kind => {
                let small = match kind {
                    Kind::Int8 => Some(names::INT8),
                    Kind::Int16 => Some(names::INT16),
                    _ => None,
                };
                let small = small.map(|name| (names::CONNECT_TYPE.to_owned(), name.to_owned()));
                params.extend(small);
                self.scalar(scope, schema, field, in_oneof)
            }
        }
    }

    fn scalar(
        &mut self,
        scope: &Scope<'_>,
        schema: &Schema,
        field: &str,
        in_oneof: bool,
    ) -> Result<String> {
        let own = names::parameter(schema, names::TYPE);
        let name = match schema.kind() {
            Kind::Int8 | Kind::Int16 => "int32",
            Kind::Int32 => own.unwrap_or("int32"),
            Kind::Int64 => own.unwrap_or("int64"),
            Kind::Float32 => "float",
            Kind::Float64 => "double",
            Kind::Boolean => "bool",
            Kind::String => "string",
            _ => "bytes",
        };
        if Scalar::named(name).is_none() {
            let tag = names::TYPE;
            return Err(unfit(scope, field, &format!("the value {name} of the parameter {tag}")));
        }
        let is_wrapped = names::parameter(schema, names::WRAPPER)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let wraps = self.settings.wrapper_for_nullables && schema.is_optional();
        if !wraps || (in_oneof && !is_wrapped) {
            return Ok(name.to_owned());
        }
        let wrapper = match name {
            "uint32" | "fixed32" if *schema.kind() == Kind::Int64 => "google.protobuf.UInt32Value",
            "uint64" | "fixed64" if *schema.kind() == Kind::Int64 => "google.protobuf.UInt64Value",
            _ => names::wrapper_of(schema.kind()).unwrap_or(name),
        };
        Ok(self.imported(wrapper))
    }

    /// The name of a type that is known everywhere, whose file is imported.
    fn imported(&mut self, name: &str) -> String {
        let path = match name {
            names::DECIMAL => "confluent/type/decimal.proto",
            names::VARIANT => "confluent/type/variant.proto",
            names::DATE => "google/type/date.proto",
            names::TIME => "google/type/timeofday.proto",
            names::TIMESTAMP => "google/protobuf/timestamp.proto",
            _ => "google/protobuf/wrappers.proto",
        };
        if !self.imports.iter().any(|known| known == path) {
            self.imports.push(path.to_owned());
        }
        name.to_owned()
    }

    fn structure<'a>(
        &mut self,
        scope: &mut Scope<'a>,
        (schema, fields): (&'a Schema, &'a Fields),
        field: &str,
    ) -> Result<String> {
        let mut name = self.simple(schema);
        if name == field || scope.fields.contains(&name) {
            // A message and a field in the same place must not have the same name.
            name.push_str("Message");
        }
        let covers = Covers::new(self.settings);
        // Of the same name, and with all fields that this one has: the same message.
        let known = |(known, by): &(String, &Schema)| *known == name && covers.covers(by, schema);
        if scope.messages.iter().any(known) {
            return Ok(name);
        }
        let name = scope.free(name);
        scope.messages.push((name.clone(), schema));
        let message = self.message(&name, (schema, fields), scope.depth + 1)?;
        scope.message.types.push(Type::Message(message));
        Ok(name)
    }

    fn map<'a>(
        &mut self,
        scope: &mut Scope<'a>,
        schema: &'a Schema,
        (key, value): (&'a Schema, &'a Schema),
        field: &str,
    ) -> Result<String> {
        let name = self.simple(schema);
        let name = scope.free(map_entry_name(&name));
        if names::is_union(value) {
            return Err(unfit(scope, field, "a map whose values are unions"));
        }
        if scope.depth >= MAX_DEPTH {
            return Err(unfit(scope, field, "a map so deep in others"));
        }
        identifier(&name, &scope.message.name)?;
        scope.messages.push((name.clone(), schema));
        let mut entry = Scope {
            message: Message { name: name.clone(), ..Message::default() },
            messages: Vec::new(),
            fields: HashSet::new(),
            numbers: Numbers { taken: HashSet::new(), next: 1 },
            depth: scope.depth + 1,
        };
        for (schema, part) in [(key, (names::KEY, 1)), (value, (names::VALUE, 2))] {
            let element = self.field(&mut entry, schema, part, false)?;
            let label = element.label.filter(|label| *label == Label::Repeated);
            entry.message.fields.push(Field { label, ..element });
        }
        scope.message.types.push(Type::Message(entry.message));
        Ok(name)
    }

    fn enumeration(
        &mut self,
        scope: &mut Scope<'_>,
        schema: &Schema,
        (key, name): (&str, &str),
    ) -> Result<String> {
        let mut of = Enum { name: scrub(self.settings, names::simple(name)), ..Enum::default() };
        identifier(&of.name, &scope.message.name)?;
        for (name, number) in names::enum_values(schema, key) {
            identifier(name, &of.name)?;
            of.values.push(EnumValue { name: name.to_owned(), number, ..EnumValue::default() });
        }
        let enums = || scope.message.types.iter().filter_map(Type::as_enum);
        if enums().any(|known| known.name == of.name && known.values == of.values) {
            return Ok(of.name);
        }
        of.name = scope.free(of.name);
        let name = of.name.clone();
        scope.message.types.push(Type::Enum(of));
        Ok(name)
    }
}

impl Scope<'_> {
    /// A name that no type has yet, and no field.
    fn free(&self, name: String) -> String {
        let is_taken = |name: &str| {
            self.messages.iter().any(|(known, _)| known == name)
                || self.message.types.iter().any(|known| known.name() == name)
                || self.fields.contains(name)
        };
        if !is_taken(&name) {
            return name;
        }
        // Fewer than there are types and fields, so one of these is free.
        let count = self.messages.len() + self.message.types.len() + self.fields.len() + 2;
        let mut others = (2..=count).map(|at| format!("{name}{at}"));
        others.find(|name| !is_taken(name)).unwrap_or(name)
    }
}

/// Whether a field has one value.
fn is_single(schema: &Schema) -> bool {
    !matches!(schema.kind(), Kind::Array(_) | Kind::Map { .. }) || Logical::of(schema).is_some()
}

fn unfit(scope: &Scope<'_>, field: &str, what: &str) -> Error {
    let message = &scope.message.name;
    Error::data(format!("Field {field} of {message}: Protobuf has no type for {what}"))
}
