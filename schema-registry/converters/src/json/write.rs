//! From Connect's values to JSON.

use gantry_converters::jackson::write;
use gantry_model::logical;
use gantry_model::text::java_string;
use gantry_model::{MapValue, Struct, Value};

use super::config::Settings;
use super::fault::{Checked, Fault};
use super::plan::{Fields, Form, KEY, OnNull, Plan, VALUE};
use super::variant;

/// Appends the JSON of a value; false if there is none, for a null whose schema does not admit it.
pub(crate) fn value(
    out: &mut Vec<u8>,
    plan: &Plan,
    value: &Value,
    settings: &Settings,
) -> Checked<bool> {
    Write { out, settings }.value(plan, value)
}

struct Write<'o> {
    out: &'o mut Vec<u8>,
    settings: &'o Settings,
}

impl Write<'_> {
    fn value(&mut self, plan: &Plan, value: &Value) -> Checked<bool> {
        if value.is_null() {
            return match (plan.null, plan.schema.default_value()) {
                (OnNull::Default, Some(default)) => self.present(plan, default),
                (OnNull::Nothing, _) => Ok(false),
                _ => {
                    self.out.extend_from_slice(b"null");
                    Ok(true)
                }
            };
        }
        self.present(plan, value)
    }

    /// A value that is not null. False only for a union without a value.
    fn present(&mut self, plan: &Plan, value: &Value) -> Checked<bool> {
        match (&plan.form, value) {
            (Form::String, Value::String(text)) => write::string(self.out, text),
            (Form::Int32, Value::Int32(n)) => write::integer(self.out, *n),
            (Form::Int64, Value::Int64(n)) => write::integer(self.out, *n),
            (Form::Boolean, Value::Boolean(is)) => {
                self.out.extend_from_slice(if *is { b"true" } else { b"false" });
            }
            (Form::Float64, Value::Float64(n)) => write::double(self.out, *n),
            (Form::Float32, Value::Float32(n)) => write::float(self.out, *n),
            (Form::Int16, Value::Int16(n)) => write::integer(self.out, *n),
            (Form::Int8, Value::Int8(n)) => write::integer(self.out, *n),
            (Form::Bytes, Value::Bytes(bytes)) => write::bytes(self.out, bytes),
            (Form::Decimal, Value::Decimal(_)) | (Form::Bytes, Value::Decimal(_)) => {
                self.decimal(plan, value)?;
            }
            (Form::Date, Value::Date(ms)) => {
                write::integer(self.out, logical::date_from_logical(&plan.schema, *ms)?);
            }
            (Form::Time, Value::Date(ms)) => {
                write::integer(self.out, logical::time_from_logical(&plan.schema, *ms)?);
            }
            (Form::Timestamp, Value::Date(ms)) => {
                write::integer(self.out, logical::timestamp_from_logical(&plan.schema, *ms)?);
            }
            (Form::Struct(fields), Value::Struct(inner)) => self.structure(plan, fields, inner)?,
            (Form::Union(fields), Value::Struct(inner)) => {
                return self.union(plan, fields, inner);
            }
            (Form::Array(element), Value::Array(list)) => self.array(element, list)?,
            (Form::Object(values), Value::Map(map)) => self.object(values, map)?,
            (Form::Entries(entry), Value::Map(map)) => self.entries(entry, map)?,
            (Form::Variant, Value::Struct(inner)) => self.variant(inner)?,
            _ => return Err(wrong_type(plan, value)),
        }
        Ok(true)
    }

    fn decimal(&mut self, plan: &Plan, value: &Value) -> Checked<()> {
        let Value::Decimal(decimal) = value else { return Err(wrong_type(plan, value)) };
        if matches!(plan.form, Form::Decimal) && !self.settings.numeric_decimals {
            write::bytes(self.out, &logical::decimal_from_logical(&plan.schema, decimal)?);
        } else {
            self.out.extend_from_slice(java_string(value).as_bytes());
        }
        Ok(())
    }

    fn structure(&mut self, plan: &Plan, fields: &Fields, inner: &Struct) -> Checked<()> {
        check_schema(plan, inner)?;
        let start = self.out.len();
        for (at, (field, value)) in fields.list.iter().zip(inner.values()).enumerate() {
            if fields.extras == Some(at) {
                continue;
            }
            let before = self.out.len();
            self.out.push(b',');
            self.out.extend_from_slice(&field.quoted);
            let written = self.value(&field.plan, value).map_err(|f| f.in_field(&field.name))?;
            if !written {
                self.out.truncate(before);
            }
        }
        if let Some(at) = fields.extras
            && let Some(Value::Map(extras)) = inner.values().get(at)
        {
            self.extras(fields, extras)?;
        }
        self.close_object(start);
        Ok(())
    }

    /// Properties that the schema does not name.
    fn extras(&mut self, fields: &Fields, extras: &MapValue) -> Checked<()> {
        for (key, value) in extras.ordered() {
            let Value::String(name) = key else {
                return Err(Fault::data(format!(
                    "the name of an additional property is {}, not a text",
                    class_of(key)
                )));
            };
            if fields.list.iter().any(|field| *field.name == **name) {
                return Err(Fault::data(format!(
                    "the additional property '{name}' has the name of a field"
                )));
            }
            self.out.push(b',');
            write::string(self.out, name);
            self.out.push(b':');
            match value {
                Value::Struct(inner) => self.variant(inner).map_err(|f| f.in_field(name))?,
                other => {
                    let found = class_of(other);
                    return Err(Fault::data(format!("Invalid type for Variant: class {found}"))
                        .in_field(name));
                }
            }
        }
        Ok(())
    }

    /// Ends an object whose properties each were begun with a comma.
    fn close_object(&mut self, start: usize) {
        match self.out.get_mut(start) {
            Some(first) => *first = b'{',
            None => self.out.push(b'{'),
        }
        self.out.push(b'}');
    }

    fn union(&mut self, plan: &Plan, fields: &Fields, inner: &Struct) -> Checked<bool> {
        check_schema(plan, inner)?;
        for (field, value) in fields.list.iter().zip(inner.values()) {
            if !value.is_null() || field.plan.null == OnNull::Default {
                return self.value(&field.plan, value).map_err(|f| f.in_field(&field.name));
            }
        }
        // As a null in place of the union. Its default may have no value either.
        match plan.schema.default_value() {
            Some(Value::Struct(default)) if plan.null == OnNull::Default && **default != *inner => {
                self.union(plan, fields, default)
            }
            _ if plan.schema.is_optional() => {
                self.out.extend_from_slice(b"null");
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A value where something must stand.
    fn item(&mut self, plan: &Plan, value: &Value) -> Checked<()> {
        if !self.value(plan, value)? {
            self.out.extend_from_slice(b"null");
        }
        Ok(())
    }

    fn array(&mut self, element: &Plan, list: &[Value]) -> Checked<()> {
        self.out.push(b'[');
        for (at, value) in list.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.item(element, value).map_err(|f| f.in_item(at))?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, values: &Plan, map: &MapValue) -> Checked<()> {
        let start = self.out.len();
        for (key, value) in map.ordered() {
            let Value::String(name) = key else {
                return Err(Fault::data(format!("Invalid type for STRING: {}", class_of(key))));
            };
            self.out.push(b',');
            write::string(self.out, name);
            self.out.push(b':');
            self.item(values, value).map_err(|f| f.in_field(name))?;
        }
        self.close_object(start);
        Ok(())
    }

    fn entries(&mut self, entry: &[Plan; 2], map: &MapValue) -> Checked<()> {
        let [keys, values] = entry;
        self.out.push(b'[');
        for (at, (key, value)) in map.ordered().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(b"{\"key\":");
            self.item(keys, key).map_err(|f| f.in_field(KEY).in_item(at))?;
            self.out.extend_from_slice(b",\"value\":");
            self.item(values, value).map_err(|f| f.in_field(VALUE).in_item(at))?;
            self.out.push(b'}');
        }
        self.out.push(b']');
        Ok(())
    }

    fn variant(&mut self, inner: &Struct) -> Checked<()> {
        match inner.values() {
            [Value::Bytes(metadata), Value::Bytes(value)] => {
                variant::write(self.out, metadata, value).map_err(Fault::data)
            }
            _ => Err(Fault::data("a Variant needs the bytes 'metadata' and 'value'")),
        }
    }
}

fn check_schema(plan: &Plan, inner: &Struct) -> Checked<()> {
    if *inner.schema() == plan.schema {
        return Ok(());
    }
    Err(Fault::data("Mismatching schema: the struct has another one than stands here"))
}

#[cold]
fn wrong_type(plan: &Plan, value: &Value) -> Fault {
    let expected = match plan.form {
        Form::Decimal => "Decimal",
        Form::Date => "Date",
        Form::Time => "Time",
        Form::Timestamp => "Timestamp",
        Form::Variant => "Variant",
        _ => plan.schema.kind().type_name(),
    };
    Fault::data(format!("Invalid type for {expected}: {}", class_of(value)))
}

fn class_of(value: &Value) -> String {
    value.java_class().map_or_else(|| "null".to_owned(), |class| format!("class {class}"))
}

/// The same JSON with line breaks and indentation, as Jackson lays it out.
pub(crate) fn indented(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    // What is open: objects go over lines, lists stay in theirs.
    let mut open: Vec<u8> = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    let mut bytes = json.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if quoted {
            out.push(byte);
            quoted = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        match byte {
            b'"' => {
                out.push(byte);
                quoted = true;
            }
            b'{' | b'[' => {
                out.push(byte);
                let empty = matches!(bytes.peek(), Some(b'}' | b']'));
                if byte == b'[' || empty {
                    out.push(b' ');
                }
                if empty {
                    out.extend(bytes.next());
                    continue;
                }
                open.push(byte);
                if byte == b'{' {
                    new_line(&mut out, &open);
                }
            }
            b'}' | b']' => {
                open.pop();
                match byte {
                    b'}' => new_line(&mut out, &open),
                    _ => out.push(b' '),
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                match open.last() {
                    Some(b'{') => new_line(&mut out, &open),
                    _ => out.push(b' '),
                }
            }
            b':' => out.extend_from_slice(b" : "),
            _ => out.push(byte),
        }
    }
    out
}

fn new_line(out: &mut Vec<u8>, open: &[u8]) {
    out.push(b'\n');
    let objects = open.iter().filter(|byte| **byte == b'{').count();
    out.extend(std::iter::repeat_n(b' ', objects * 2));
}
