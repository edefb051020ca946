//! Finds what the names in a file mean.

use std::collections::HashMap;

use super::build::Builder;
use super::defaults::is_value_of;
use super::features::Features;
use super::symbols::{Problem, Symbol};
use super::{FieldDescriptor, FieldKind, MessageId};
use crate::descriptor::{
    FEATURES_OF_FIELD, FEATURES_OF_FILE, FEATURES_OF_MESSAGE, FEATURES_OF_ONEOF, FieldProto,
    FileProto, MessageProto, TYPE_ENUM, TYPE_MESSAGE,
};
use crate::element::{Label, Syntax};
use crate::scope::joined;
use crate::type_name::Scalar;

impl Builder {
    pub(super) fn link(&mut self, file: &FileProto, place: usize) -> Result<(), Problem> {
        let is_proto3 = file.syntax.as_deref() == Some(Syntax::Proto3.name());
        let features = Features::of_file(is_proto3, &file.options, FEATURES_OF_FILE);
        let package = file.package.as_deref().unwrap_or_default();
        let ids = self.pool.files.get(place).map(|of| of.messages.clone()).unwrap_or_default();
        for (message, id) in file.messages.iter().zip(ids) {
            self.link_message(message, id, place, features)?;
        }
        for service in &file.services {
            for method in &service.methods {
                let user = joined(&joined(package, &service.name), &method.name);
                self.require_message(place, &user, &method.request)?;
                self.require_message(place, &user, &method.response)?;
            }
        }
        for field in &file.extensions {
            self.link_field(field, place, package, features)?;
        }
        Ok(())
    }

    fn require_message(&self, file: usize, user: &str, name: &str) -> Result<MessageId, Problem> {
        match self.symbols.resolve(file, user, name)? {
            Symbol::Message(id) => Ok(id),
            _ => Err(Problem::new(user, format!("\"{name}\" is not a message type."))),
        }
    }

    fn link_message(
        &mut self,
        message: &MessageProto,
        id: MessageId,
        file: usize,
        around: Features,
    ) -> Result<(), Problem> {
        let features = around.changed_by(&message.options, FEATURES_OF_MESSAGE);
        let Some(declared) = self.pool.messages.get(id.0) else { return Ok(()) };
        let (full_name, nested) = (declared.full_name.clone(), declared.messages.clone());
        for (message, id) in message.nested.iter().zip(nested) {
            self.link_message(message, id, file, features)?;
        }
        let mut fields = Vec::with_capacity(message.fields.len());
        for field in &message.fields {
            let oneof = field.oneof.and_then(|of| message.oneofs.get(usize::try_from(of).ok()?));
            let features = oneof
                .map_or(features, |oneof| features.changed_by(&oneof.options, FEATURES_OF_ONEOF));
            fields.push(self.link_field(field, file, &full_name, features)?);
        }
        let by_number = by_number(&full_name, &fields)?;
        for field in &message.extensions {
            self.link_field(field, file, &full_name, features)?;
        }
        if let Some(declared) = self.pool.messages.get_mut(id.0) {
            let names = fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at));
            declared.by_name = names.collect();
            declared.by_number = by_number;
            declared.fields = fields;
        }
        Ok(())
    }

    fn link_field(
        &self,
        field: &FieldProto,
        file: usize,
        scope: &str,
        features: Features,
    ) -> Result<FieldDescriptor, Problem> {
        let full_name = joined(scope, &field.name);
        if let Some(extendee) = &field.extendee {
            self.check_extendee(field, file, &full_name, extendee)?;
        }
        let kind = self.field_kind(field, file, &full_name)?;
        let label = field.label.unwrap_or(Label::Optional);
        let is_repeated = label == Label::Repeated;
        let is_packable = is_repeated
            && match kind {
                FieldKind::Scalar(scalar) => scalar.is_packable(),
                FieldKind::Message(_) => false,
                FieldKind::Enum(_) => true,
            };
        if matches!(kind, FieldKind::Message(_)) && field.default.is_some() {
            return Err(Problem::new(&full_name, "Messages can't have default values."));
        }
        if field.options.packed() == Some(true) && !is_packable {
            let description =
                "[packed = true] can only be specified for repeated primitive fields.";
            return Err(Problem::new(&full_name, description));
        }
        self.check_default(field, kind, is_repeated, &full_name)?;
        let features = features.of_field(label, &field.options, FEATURES_OF_FIELD);
        let is_message = matches!(kind, FieldKind::Message(_));
        let has_presence = !is_repeated
            && (is_message
                || field.proto3_optional
                || field.extendee.is_some()
                || field.oneof.is_some()
                || !features.is_implicit);
        Ok(FieldDescriptor {
            name: field.name.clone(),
            json_name: field.json_name.clone().unwrap_or_else(|| json_name(&field.name)),
            number: field.number,
            label,
            kind,
            oneof: field.oneof.and_then(|of| usize::try_from(of).ok()),
            is_proto3_optional: field.proto3_optional,
            has_presence,
            is_packed: is_packable && features.is_packed,
            default: field.default.clone(),
            meta: field.options.meta.clone(),
        })
    }

    fn check_extendee(
        &self,
        field: &FieldProto,
        file: usize,
        full_name: &str,
        extendee: &str,
    ) -> Result<(), Problem> {
        let id = self.require_message(file, full_name, extendee)?;
        let Some(message) = self.pool.messages.get(id.0) else { return Ok(()) };
        let is_in = |(start, end): &(i32, i32)| *start <= field.number && field.number < *end;
        if message.extension_ranges.iter().any(is_in) {
            return Ok(());
        }
        let (name, number) = (&message.full_name, field.number);
        let description = format!("\"{name}\" does not declare {number} as an extension number.");
        Err(Problem::new(full_name, description))
    }

    fn field_kind(
        &self,
        field: &FieldProto,
        file: usize,
        full_name: &str,
    ) -> Result<FieldKind, Problem> {
        let Some(name) = &field.type_name else {
            let scalar = field.type_number.and_then(Scalar::numbered);
            return scalar.map(FieldKind::Scalar).ok_or_else(|| {
                Problem::new(full_name, "Field with message or enum type missing type_name.")
            });
        };
        let symbol = self.symbols.resolve(file, full_name, name)?;
        let description = match (symbol, field.type_number) {
            (Symbol::Message(id), None | Some(TYPE_MESSAGE)) => return Ok(FieldKind::Message(id)),
            (Symbol::Enum(id), None | Some(TYPE_ENUM)) => return Ok(FieldKind::Enum(id)),
            (_, None) => format!("\"{name}\" is not a type."),
            (_, Some(TYPE_ENUM)) => format!("\"{name}\" is not an enum type."),
            _ => format!("\"{name}\" is not a message type."),
        };
        Err(Problem::new(full_name, description))
    }

    fn check_default(
        &self,
        field: &FieldProto,
        kind: FieldKind,
        is_repeated: bool,
        full_name: &str,
    ) -> Result<(), Problem> {
        let Some(default) = &field.default else { return Ok(()) };
        let description = match kind {
            FieldKind::Message(_) => return Ok(()),
            _ if is_repeated => "Repeated fields cannot have default values.".to_owned(),
            FieldKind::Scalar(scalar) if is_value_of(scalar, default) => return Ok(()),
            FieldKind::Scalar(_) => format!("Could not parse default value: \"{default}\""),
            FieldKind::Enum(id) => {
                let of = self.pool.enums.get(id.0);
                if of.is_some_and(|of| of.value_named(default).is_some()) {
                    return Ok(());
                }
                format!("Unknown enum default value: \"{default}\"")
            }
        };
        Err(Problem::new(full_name, description))
    }
}

/// Places of fields by number, of which each may be there once.
fn by_number(message: &str, fields: &[FieldDescriptor]) -> Result<HashMap<i32, usize>, Problem> {
    let mut places: Vec<usize> = (0..fields.len()).collect();
    places.sort_by_key(|at| fields.get(*at).map(|field| field.number));
    let mut by_number = HashMap::with_capacity(fields.len());
    for at in places {
        let Some(field) = fields.get(at) else { continue };
        let earlier = by_number.insert(field.number, at);
        if let Some(earlier) = earlier.and_then(|at| fields.get(at)) {
            let description = format!(
                "Field number {} has already been used in \"{message}\" by field \"{}\".",
                field.number, earlier.name
            );
            return Err(Problem::new(&joined(message, &field.name), description));
        }
    }
    Ok(by_number)
}

/// The name that a field has in JSON unless it says another: `foo_bar` becomes `fooBar`.
fn json_name(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut is_upper = false;
    for c in name.chars() {
        if c == '_' {
            is_upper = true;
        } else {
            json.push(if is_upper { c.to_ascii_uppercase() } else { c });
            is_upper = false;
        }
    }
    json
}
