//! Reads the text of a `.proto` file.

use std::collections::HashMap;

use super::options::{read_option, read_options};
use super::reader::{Reader, Result, SyntaxError};
use crate::element::{
    Enum, EnumValue, Extend, Extensions, Field, Group, Label, MAX_FIELD_NUMBER, Message, Method,
    Numbers, Oneof, Position, ProtoFile, Reserved, ReservedValue, Service, Syntax, Type,
};
use crate::option::ProtoOption;

/// Reads a file.
pub(crate) fn parse(text: &str) -> Result<ProtoFile> {
    let reader = Reader::new(text);
    Parser { reader, declarations: 0, file: ProtoFile::default() }.read_file()
}

/// Where a declaration stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    File,
    Message,
    Enum,
    Method,
    Extend,
    Service,
}

/// What a declaration declares.
enum Declared {
    /// Nothing, or something that the file keeps already.
    Nothing,
    Option(ProtoOption),
    Type(Type),
    Service(Service),
    Extend(Extend),
    Field(Field),
    Group(Group),
    Oneof(Oneof),
    Extensions(Extensions),
    Reserved(Reserved),
    Value(EnumValue),
    Method(Method),
}

/// What every declaration has.
struct Start {
    position: Position,
    documentation: String,
}

struct Parser {
    reader: Reader,
    /// How many declarations have begun.
    declarations: usize,
    file: ProtoFile,
}

impl Parser {
    fn read_file(mut self) -> Result<ProtoFile> {
        let (mut types, mut services) = (HashMap::new(), HashMap::new());
        loop {
            let documentation = self.reader.read_documentation()?;
            if self.reader.exhausted() {
                return Ok(self.file);
            }
            match self.read_declaration(documentation, Context::File)? {
                Declared::Type(new) => {
                    once(&mut types, new.name(), new.position())?;
                    self.file.types.push(new);
                }
                Declared::Service(new) => {
                    once(&mut services, &new.name, new.position)?;
                    self.file.services.push(new);
                }
                Declared::Option(option) => self.file.options.push(option),
                Declared::Extend(extend) => self.file.extends.push(extend),
                _ => {}
            }
        }
    }

    fn read_declaration(&mut self, documentation: String, context: Context) -> Result<Declared> {
        use Context::{Enum, Extend, File, Message, Method, Service};
        let is_first = self.declarations == 0;
        self.declarations += 1;
        if self.reader.take(';')? {
            return Ok(Declared::Nothing);
        }
        let position = self.reader.position();
        let word = if context == Enum {
            self.reader.read_word_without_leading_digit()?
        } else {
            self.reader.read_word()?
        };
        let start = Start { position, documentation };
        Ok(match (word.as_str(), context) {
            ("package", File) => self.read_package()?,
            ("import", File) => self.read_import()?,
            ("syntax", File) => self.read_syntax(position, is_first)?,
            ("option", _) => {
                let option = read_option(&mut self.reader, '=')?;
                self.reader.require(';')?;
                Declared::Option(option)
            }
            ("reserved", _) => Declared::Reserved(self.read_reserved(start)?),
            ("message", File | Message) => Declared::Type(Type::Message(self.read_message(start)?)),
            ("enum", File | Message) => Declared::Type(Type::Enum(self.read_enum(start)?)),
            ("service", File) => Declared::Service(self.read_service(start)?),
            ("extend", File | Message) => Declared::Extend(self.read_extend(start)?),
            ("rpc", Service) => Declared::Method(self.read_method(start)?),
            ("oneof", Message) => Declared::Oneof(self.read_oneof(start)?),
            ("extensions", Message) => Declared::Extensions(self.read_extensions(start)?),
            (_, Message | Extend) => self.read_labelled_field(start, word)?,
            (_, Enum) => Declared::Value(self.read_enum_value(start, word)?),
            ("edition", File) => {
                return Err(self.reader.error("edition is not currently supported"));
            }
            (_, File | Method | Service) => {
                return Err(SyntaxError::at(position, &format!("unexpected label: {word}")));
            }
        })
    }

    fn read_package(&mut self) -> Result<Declared> {
        self.file.package = Some(self.reader.read_name()?);
        self.reader.require(';')?;
        Ok(Declared::Nothing)
    }

    fn read_import(&mut self) -> Result<Declared> {
        let first = self.reader.read_string()?;
        match first.as_str() {
            "weak" => {
                let name = self.reader.read_string()?;
                self.file.weak_imports.push(path(&name));
            }
            "public" => {
                let name = self.reader.read_string()?;
                self.file.public_imports.push(path(&name));
            }
            name => self.file.imports.push(path(name)),
        }
        self.reader.require(';')?;
        Ok(Declared::Nothing)
    }

    fn read_syntax(&mut self, position: Position, is_first: bool) -> Result<Declared> {
        if self.file.syntax.is_some() {
            return Err(SyntaxError::at(position, "too many syntax definitions"));
        }
        self.reader.require('=')?;
        if !is_first {
            let message = "'syntax' element must be the first declaration in a file";
            return Err(SyntaxError::at(position, message));
        }
        let name = self.reader.read_quoted()?;
        self.file.syntax = Some(
            Syntax::named(&name)
                .ok_or_else(|| SyntaxError::at(position, &format!("unexpected syntax: {name}")))?,
        );
        self.reader.require(';')?;
        Ok(Declared::Nothing)
    }

    fn read_message(&mut self, start: Start) -> Result<Message> {
        let mut message = Message {
            position: start.position,
            documentation: start.documentation,
            name: self.reader.read_name()?,
            ..Message::default()
        };
        self.reader.enter()?;
        self.reader.require('{')?;
        loop {
            let documentation = self.reader.read_documentation()?;
            if self.reader.take('}')? {
                break;
            }
            match self.read_declaration(documentation, Context::Message)? {
                Declared::Field(field) => message.fields.push(field),
                Declared::Oneof(oneof) => message.oneofs.push(oneof),
                Declared::Group(group) => message.groups.push(group),
                Declared::Type(nested) => message.types.push(nested),
                Declared::Extensions(extensions) => message.extensions.push(extensions),
                Declared::Option(option) => message.options.push(option),
                Declared::Extend(extend) => message.extends.push(extend),
                Declared::Reserved(reserved) => message.reserved.push(reserved),
                _ => {}
            }
        }
        self.reader.leave();
        Ok(message)
    }

    fn read_extend(&mut self, start: Start) -> Result<Extend> {
        let name = self.reader.read_name()?;
        let mut extend = Extend { documentation: start.documentation, name, fields: Vec::new() };
        self.reader.require('{')?;
        loop {
            let documentation = self.reader.read_documentation()?;
            if self.reader.take('}')? {
                return Ok(extend);
            }
            let declared = self.read_declaration(documentation, Context::Extend)?;
            if let Declared::Field(field) = declared {
                extend.fields.push(field);
            }
        }
    }

    fn read_service(&mut self, start: Start) -> Result<Service> {
        let mut service = Service {
            position: start.position,
            documentation: start.documentation,
            name: self.reader.read_name()?,
            ..Service::default()
        };
        self.reader.require('{')?;
        loop {
            let documentation = self.reader.read_documentation()?;
            if self.reader.take('}')? {
                return Ok(service);
            }
            match self.read_declaration(documentation, Context::Service)? {
                Declared::Method(method) => service.methods.push(method),
                Declared::Option(option) => service.options.push(option),
                _ => {}
            }
        }
    }

    fn read_enum(&mut self, start: Start) -> Result<Enum> {
        let mut read = Enum {
            position: start.position,
            documentation: start.documentation,
            name: self.reader.read_name()?,
            ..Enum::default()
        };
        self.reader.require('{')?;
        loop {
            let documentation = self.reader.read_documentation()?;
            if self.reader.take('}')? {
                return Ok(read);
            }
            match self.read_declaration(documentation, Context::Enum)? {
                Declared::Value(value) => read.values.push(value),
                Declared::Option(option) => read.options.push(option),
                Declared::Reserved(reserved) => read.reserved.push(reserved),
                _ => {}
            }
        }
    }

    /// A field or a group, of which the first word was read.
    fn read_labelled_field(&mut self, start: Start, word: String) -> Result<Declared> {
        let is_proto3 = self.file.syntax == Some(Syntax::Proto3);
        let at = start.position;
        let (label, type_name) = match word.as_str() {
            "required" if is_proto3 => {
                let message = "'required' label forbidden in proto3 field declarations";
                return Err(SyntaxError::at(at, message));
            }
            "required" => (Some(Label::Required), self.reader.read_type()?),
            "optional" => (Some(Label::Optional), self.reader.read_type()?),
            "repeated" => (Some(Label::Repeated), self.reader.read_type()?),
            _ => {
                let is_map = word == "map" && self.reader.peek()? == '<';
                if !is_proto3 && !is_map {
                    return Err(SyntaxError::at(at, &format!("unexpected label: {word}")));
                }
                (None, self.reader.read_type_after(word)?)
            }
        };
        if type_name.starts_with("map<") && label.is_some() {
            return Err(SyntaxError::at(at, "'map' type cannot have label"));
        }
        if type_name == "group" {
            return Ok(Declared::Group(self.read_group(start.documentation, label)?));
        }
        Ok(Declared::Field(self.read_field(start, label, type_name)?))
    }

    fn read_field(
        &mut self,
        start: Start,
        label: Option<Label>,
        type_name: String,
    ) -> Result<Field> {
        let name = self.reader.read_field_name()?;
        self.reader.require('=')?;
        let number = self.reader.read_int()?;
        let mut options = read_options(&mut self.reader)?;
        let default = take_value(&mut options, "default");
        let json_name = take_value(&mut options, "json_name");
        self.reader.require(';')?;
        let documentation = self.reader.with_trailing_comment(start.documentation)?;
        Ok(Field {
            position: start.position,
            documentation,
            label,
            type_name,
            name,
            number,
            default,
            json_name,
            options,
        })
    }

    fn read_oneof(&mut self, start: Start) -> Result<Oneof> {
        let mut oneof = Oneof {
            documentation: start.documentation,
            name: self.reader.read_name()?,
            ..Oneof::default()
        };
        self.reader.require('{')?;
        loop {
            let documentation = self.reader.read_documentation()?;
            if self.reader.take('}')? {
                return Ok(oneof);
            }
            let position = self.reader.position();
            let word = self.reader.read_type()?;
            match word.as_str() {
                "group" => oneof.groups.push(self.read_group(documentation, None)?),
                "option" => {
                    oneof.options.push(read_option(&mut self.reader, '=')?);
                    self.reader.require(';')?;
                }
                _ => {
                    let start = Start { position, documentation };
                    oneof.fields.push(self.read_field(start, None, word)?);
                }
            }
        }
    }

    fn read_group(&mut self, documentation: String, label: Option<Label>) -> Result<Group> {
        let name = self.reader.read_word()?;
        self.reader.require('=')?;
        let number = self.reader.read_int()?;
        let mut group = Group { documentation, label, name, number, fields: Vec::new() };
        self.reader.enter()?;
        self.reader.require('{')?;
        loop {
            let documentation = self.reader.read_documentation()?;
            if self.reader.take('}')? {
                break;
            }
            let position = self.reader.position();
            let word = self.reader.read_word()?;
            match self.read_labelled_field(Start { position, documentation }, word)? {
                Declared::Field(field) => group.fields.push(field),
                _ => return Err(self.reader.error("expected field declaration, was a group")),
            }
        }
        self.reader.leave();
        Ok(group)
    }

    /// Numbers and names: `reserved 10, 12 to 14, "foo";`.
    fn read_reserved(&mut self, start: Start) -> Result<Reserved> {
        let mut values = Vec::new();
        loop {
            if matches!(self.reader.peek()?, '"' | '\'') {
                values.push(ReservedValue::Name(self.reader.read_quoted()?));
            } else {
                let first = self.reader.read_int()?;
                let numbers = match self.reader.peek()? {
                    ',' | ';' => Numbers::One(first),
                    _ => {
                        let expected = "expected ',', ';', or 'to'";
                        self.read_range(first, start.position, expected)?
                    }
                };
                values.push(ReservedValue::Numbers(numbers));
            }
            if self.ends_list()? {
                break;
            }
        }
        let documentation = self.reader.with_trailing_comment(start.documentation)?;
        Ok(Reserved { documentation, values })
    }

    /// Numbers: `extensions 101;` or `extensions 101 to max [...];`.
    fn read_extensions(&mut self, start: Start) -> Result<Extensions> {
        let mut read = Extensions { documentation: start.documentation, ..Extensions::default() };
        loop {
            let first = self.reader.read_int()?;
            let numbers = match self.reader.peek()? {
                ',' | ';' | '[' => Numbers::One(first),
                _ => self.read_range(first, start.position, "expected ',', ';', '[' or 'to'")?,
            };
            read.values.push(numbers);
            if self.reader.peek()? == '[' {
                read.options = read_options(&mut self.reader)?;
                self.reader.require(';')?;
                return Ok(read);
            }
            if self.ends_list()? {
                return Ok(read);
            }
        }
    }

    /// The rest of a range behind its first number.
    fn read_range(&mut self, first: i32, at: Position, expected: &str) -> Result<Numbers> {
        if self.reader.read_word()? != "to" {
            return Err(SyntaxError::at(at, expected));
        }
        let last = self.reader.read_word()?;
        let last = match last.as_str() {
            "max" => MAX_FIELD_NUMBER,
            number => number
                .parse()
                .map_err(|_| SyntaxError(format!("For input string: \"{number}\"")))?,
        };
        Ok(Numbers::Range(first, last))
    }

    fn ends_list(&mut self) -> Result<bool> {
        match self.reader.read_char()? {
            ';' => Ok(true),
            ',' => Ok(false),
            _ => Err(self.reader.error("expected ',' or ';'")),
        }
    }

    fn read_enum_value(&mut self, start: Start, name: String) -> Result<EnumValue> {
        self.reader.require('=')?;
        let number = self.reader.read_int()?;
        let options = read_options(&mut self.reader)?;
        self.reader.require(';')?;
        let documentation = self.reader.with_trailing_comment(start.documentation)?;
        Ok(EnumValue { documentation, name, number, options })
    }

    fn read_method(&mut self, start: Start) -> Result<Method> {
        let name = self.reader.read_name()?;
        let (request, streams_requests) = self.read_message_of_method()?;
        if self.reader.read_word()? != "returns" {
            return Err(SyntaxError::at(start.position, "expected 'returns'"));
        }
        let (response, streams_responses) = self.read_message_of_method()?;
        let documentation = start.documentation;
        let mut options = Vec::new();
        if self.reader.take('{')? {
            loop {
                let documentation = self.reader.read_documentation()?;
                if self.reader.take('}')? {
                    break;
                }
                let declared = self.read_declaration(documentation, Context::Method)?;
                if let Declared::Option(option) = declared {
                    options.push(option);
                }
            }
        } else {
            self.reader.require(';')?;
        }
        Ok(Method {
            documentation,
            name,
            request,
            response,
            streams_requests,
            streams_responses,
            options,
        })
    }

    /// A message in parentheses, and whether there is a stream of them.
    fn read_message_of_method(&mut self) -> Result<(String, bool)> {
        self.reader.require('(')?;
        let word = self.reader.read_word()?;
        let read = if word == "stream" {
            (self.reader.read_type()?, true)
        } else {
            (self.reader.read_type_after(word)?, false)
        };
        self.reader.require(')')?;
        Ok(read)
    }
}

/// Notes a name, which must be new.
fn once(known: &mut HashMap<String, Position>, name: &str, new: Position) -> Result<()> {
    match known.insert(name.to_owned(), new) {
        None => Ok(()),
        Some(old) => Err(SyntaxError(format!("{name} ({new}) is already defined at {old}"))),
    }
}

/// Takes an option that is kept elsewhere; the last one holds.
fn take_value(options: &mut Vec<ProtoOption>, name: &str) -> Option<String> {
    let mut value = None;
    options.retain(|option| {
        let is = option.name == name;
        if is {
            value = Some(option.value.to_string());
        }
        !is
    });
    value
}

/// The path of an import without parts that change nothing.
fn path(text: &str) -> String {
    let text = text.replace('\\', "/");
    let is_absolute = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        let is_above_root = part == ".." && is_absolute && parts.is_empty();
        if !part.is_empty() && part != "." && !is_above_root {
            parts.push(part);
        }
    }
    let path = parts.join("/");
    match (is_absolute, path.is_empty()) {
        (true, _) => format!("/{path}"),
        (false, true) => ".".to_owned(),
        (false, false) => path,
    }
}

#[cfg(test)]
mod tests;
