//! A schema that was read.

use std::collections::HashSet;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use gantry_schema_model::{Dependency, InvalidSchema, ParsedSchema};

use crate::descriptor::{self, DEFAULT_NAME, FileProto};
use crate::diff::{self, Difference};
use crate::element::{Field, Message, ProtoFile, Type};
use crate::indexes::MessageIndexes;
use crate::pool::Descriptors;
use crate::scope::{Types, joined};
use crate::{known, print, text};

/// Padding may be missing where a descriptor is read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How long the full name of a type may be.
const MAX_NAME: usize = 1000;
/// How many parts it may have.
const MAX_NAME_PARTS: usize = 200;
/// How much of a name that is too long is shown.
const SHOWN_NAME: usize = 100;

/// A Protobuf schema: a file and those that it refers to.
#[derive(Clone, Debug)]
pub struct ProtobufSchema {
    file: ProtoFile,
    dependencies: Vec<(String, ProtoFile)>,
    canonical: String,
}

impl ProtobufSchema {
    /// Reads a schema: the text of a `.proto` file, or a serialized descriptor in Base64. Names
    /// in it may be unknown.
    pub fn read(text: &str, dependencies: &[Dependency]) -> Result<Self, InvalidSchema> {
        let file = read_file(text)?;
        let mut files = Vec::with_capacity(dependencies.len());
        for dependency in dependencies {
            files.push((dependency.name.clone(), read_file(&dependency.text)?));
        }
        let canonical = print::canonical(&file)?;
        Ok(Self { file, dependencies: files, canonical })
    }

    /// The text of a file, as [`ParsedSchema::canonical`] gives it.
    pub fn text_of(file: &ProtoFile) -> Result<String, InvalidSchema> {
        print::canonical(file)
    }

    /// What the text says.
    pub fn file(&self) -> &ProtoFile {
        &self.file
    }

    /// The file that an import names, if there is one.
    pub fn import(&self, path: &str) -> Option<&ProtoFile> {
        let own = self.dependencies.iter().find(|(name, _)| name == path).map(|(_, file)| file);
        own.or_else(|| known::file(path))
    }

    /// Whether all names of types are known; with `strict`, whether it is valid in every other
    /// regard too.
    pub fn validate(&self, strict: bool) -> Result<(), InvalidSchema> {
        self.try_normalized()?;
        if strict {
            self.descriptors()?;
        }
        Ok(())
    }

    /// The normalized text; an error if a type is not known, or if it could not be read again:
    /// the default of a field of bytes is written without quotes.
    pub fn try_normalized(&self) -> Result<String, InvalidSchema> {
        let types = Types::of(&self.file, &self.dependencies);
        let normalized = print::normalized(&self.file, &types)?;
        read_file(&normalized)?;
        Ok(normalized)
    }

    /// What keeps this schema from reading what was written with another.
    pub fn differences_from(&self, writer: &Self) -> Vec<Difference> {
        diff::compare((&writer.file, &writer.dependencies), (&self.file, &self.dependencies))
    }

    /// Descriptors of the schema and of all that it imports; an error if it is not valid.
    pub fn descriptors(&self) -> Result<Descriptors, InvalidSchema> {
        Descriptors::link(&self.file_protos()?)
    }

    /// The serialized descriptor of the file; an error if it is not valid.
    pub fn file_descriptor(&self) -> Result<Vec<u8>, InvalidSchema> {
        let files = self.file_protos()?;
        Descriptors::link(&files)?;
        Ok(files.last().map(descriptor::encode).unwrap_or_default())
    }

    /// The file and all that it imports, each behind those that it imports itself.
    fn file_protos(&self) -> Result<Vec<FileProto>, InvalidSchema> {
        let types = Types::of(&self.file, &self.dependencies);
        let mut files = Vec::new();
        let mut seen = HashSet::new();
        // Of each file whether its imports were taken already.
        let mut waiting = vec![(DEFAULT_NAME, &self.file, false)];
        while let Some((name, file, is_ready)) = waiting.pop() {
            if is_ready {
                let imports = |path: &str| self.import(path).is_some();
                files.push(descriptor::file_descriptor(name, file, &types, imports)?);
            } else if seen.insert(name) {
                waiting.push((name, file, true));
                for path in file.imports.iter().chain(&file.public_imports).rev() {
                    let import = self.import(path).map(|import| (path.as_str(), import, false));
                    waiting.extend(import);
                }
            }
        }
        Ok(files)
    }

    /// The file whose types are those of the schema: where a file does nothing but pass on
    /// another one, the other one.
    fn effective_file(&self) -> &ProtoFile {
        let file = &self.file;
        let is_empty = file.types.is_empty()
            && file.imports.is_empty()
            && file.services.is_empty()
            && file.extends.is_empty();
        let passed_on = match file.public_imports.as_slice() {
            [path] if is_empty => self.import(path),
            _ => None,
        };
        passed_on.filter(|file| !file.types.is_empty()).unwrap_or(file)
    }

    /// Names of the fields at the top of all messages at the top, those of oneofs left out.
    pub fn top_level_fields(&self) -> impl Iterator<Item = &str> {
        let messages = self.effective_file().types.iter().filter_map(Type::as_message);
        messages.flat_map(|message| &message.fields).map(|field: &Field| field.name.as_str())
    }

    /// The way to the message with a full name, or a name in the package. With `normalized`, that in the normalized text,
    /// which has no entries of maps.
    pub fn message_indexes(&self, full_name: &str, normalized: bool) -> Option<MessageIndexes> {
        let file = self.effective_file();
        let in_package = full_name.strip_prefix(file.package_name());
        let local = in_package.and_then(|rest| rest.strip_prefix('.')).unwrap_or(full_name);
        let mut types = &file.types;
        let mut indexes = Vec::new();
        for name in local.split('.') {
            let messages = types.iter().filter_map(Type::as_message);
            let mut counted = messages.filter(|of| !(normalized && of.is_map_entry())).enumerate();
            let (index, message) = counted.find(|(_, message)| message.name == name)?;
            indexes.push(index);
            types = &message.types;
        }
        Some(MessageIndexes::new(indexes))
    }

    /// The full name of the message to which a way leads.
    pub fn message_name(&self, indexes: &MessageIndexes) -> Option<String> {
        let file = self.effective_file();
        let mut name = file.package_name().to_owned();
        let mut types = &file.types;
        for index in indexes.path() {
            let message: &Message = types.iter().filter_map(Type::as_message).nth(*index)?;
            name = joined(&name, &message.name);
            types = &message.types;
        }
        Some(name)
    }
}

impl ParsedSchema for ProtobufSchema {
    fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The canonical text if a type is not known.
    fn normalized(&self) -> String {
        self.try_normalized().unwrap_or_else(|_| self.canonical.clone())
    }

    /// `ignore_extensions` leaves extensions and custom options out; `serialized` is the
    /// descriptor in Base64.
    fn formatted(&self, form: &str) -> Result<String, InvalidSchema> {
        match form.to_ascii_lowercase().as_str() {
            "ignore_extensions" => print::without_extensions(&self.file),
            "serialized" => Ok(BASE64.encode(self.file_descriptor()?)),
            _ => Ok(self.canonical.clone()),
        }
    }

    /// The full name of the first message, or of the first enum if there is none.
    fn name(&self) -> Option<String> {
        let file = self.effective_file();
        let message = file.types.iter().find(|of| of.as_message().is_some());
        let first = message.or_else(|| file.types.first())?;
        Some(joined(file.package_name(), first.name()))
    }
}

fn read_file(text: &str) -> Result<ProtoFile, InvalidSchema> {
    let invalid = |what: &str| InvalidSchema(format!("Could not parse Protobuf - {what}"));
    let file =
        text::parse(text).or_else(|error| of_descriptor(text).ok_or_else(|| invalid(&error.0)))?;
    check_names(&file.types, file.package_name()).map_err(|error| invalid(&error))?;
    Ok(file)
}

/// What a descriptor in Base64 says. It is kept as text, so that it counts for what its text says;
/// one with names that no text can have is none.
fn of_descriptor(base64: &str) -> Option<ProtoFile> {
    let bytes = BASE64.decode(base64).ok()?;
    let file = descriptor::file_element(&descriptor::decode(&bytes)?)?;
    text::parse(&print::canonical(&file).ok()?).ok()
}

/// Types are looked for in each part of the names around what uses them: these must not be too
/// long.
fn check_names(types: &[Type], scope: &str) -> Result<(), String> {
    if scope.len() > MAX_NAME || scope.split('.').count() > MAX_NAME_PARTS {
        let start: String = scope.chars().take(SHOWN_NAME).collect();
        return Err(format!("name is too long: {start}..."));
    }
    types.iter().try_for_each(|of| check_names(of.nested(), &joined(scope, of.name())))
}

#[cfg(test)]
mod tests;
