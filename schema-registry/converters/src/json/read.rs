//! From JSON to Connect's values, in one pass over the text.
//!
//! Where Confluent's converter reads another value than stands there (0 for a text where a number
//! should be, the lowest bits of a number that is too large), this is an error here.

use bytes::Bytes;
use bytestring::ByteString;
use gantry_converters::jackson::{
    MapBuilder, Node, Nodes, Number, Parsed, Reader, Skip, SyntaxError, Usual, base64, slice,
};
use gantry_model::logical;
use gantry_model::{Error, ErrorKind, MapValue, Schema, Struct, Text, Value};

use super::fault::{Checked, Fault};
use super::plan::{EXTRAS_FIELD, Fields, Form, KEY, Plan, VALUE, is_enum};
use super::{union, variant};

/// The value of a document. `None`: the document is empty.
pub(crate) fn value(text: &ByteString, broken: bool, plan: &Plan) -> Checked<Option<Value>> {
    let mut fault = None;
    let mut reader = Reader::new(text, broken);
    let value = reader.root_by(|reader| {
        Ok(match (Read { reader, source: text }).value(plan) {
            Ok(value) => Some(value),
            Err(found) => {
                fault = Some(found);
                None
            }
        })
    });
    match (fault, value) {
        (Some(fault), _) => Err(fault),
        (None, Ok(value)) => Ok(value.flatten()),
        (None, Err(error)) => Err(syntax(&error, text)),
    }
}

/// What stands in a document that is no JSON.
#[cold]
fn syntax(error: &SyntaxError, text: &str) -> Fault {
    Fault::new(Error::new(ErrorKind::Serialization, error.describe(text)))
}

struct Read<'r, 'a> {
    reader: &'r mut Reader<'a>,
    source: &'a ByteString,
}

impl<'a> Read<'_, 'a> {
    /// A piece of the text, or what is wrong with it.
    fn parsed<T>(&self, parsed: Parsed<T>) -> Checked<T> {
        parsed.map_err(|error| syntax(&error, self.source))
    }

    fn value(&mut self, plan: &Plan) -> Checked<Value> {
        let mut value = Value::Null;
        self.read(plan, &mut value)?;
        Ok(value)
    }

    /// Reads a value into its place: to make it elsewhere and to move it there costs more.
    #[inline]
    fn read(&mut self, plan: &Plan, place: &mut Value) -> Checked<()> {
        let token = self.reader.token();
        let first = self.parsed(token)?;
        match (&plan.form, first) {
            (Form::String, b'"') => {
                let text = self.reader.string();
                let text = self.parsed(text)?;
                if text.len() <= Text::SHORT_BYTES {
                    place.set_str(&text);
                } else {
                    *place = Value::String(slice(self.source, &text));
                }
            }
            (Form::Int32, b'-' | b'0'..=b'9') => {
                let number = self.whole(plan, i32::MIN.into(), i32::MAX.into())?;
                *place = Value::Int32(number as i32);
            }
            (Form::Int64, b'-' | b'0'..=b'9') => {
                *place = Value::Int64(self.whole(plan, i64::MIN, i64::MAX)?);
            }
            (Form::Boolean, b't') => {
                self.word("true")?;
                *place = Value::Boolean(true);
            }
            (Form::Boolean, b'f') => {
                self.word("false")?;
                *place = Value::Boolean(false);
            }
            (Form::Struct(fields), b'{') => *place = self.structure(plan, fields)?,
            _ => *place = self.rarer(plan, first)?,
        }
        Ok(())
    }

    /// What most records have less of.
    fn rarer(&mut self, plan: &Plan, first: u8) -> Checked<Value> {
        match (&plan.form, first) {
            (_, b'n') => {
                let word = self.reader.literal("null");
                self.parsed(word)?;
                null_of(&plan.schema)
            }
            (Form::Float64 | Form::Float32, _) => self.float(plan, first),
            (Form::Array(element), b'[') => self.array(element),
            (Form::Object(values), b'{') => self.object(values),
            (Form::Entries(entry), b'[') => self.entries(entry),
            (Form::Int16, b'-' | b'0'..=b'9') => {
                self.whole(plan, i16::MIN.into(), i16::MAX.into()).map(|n| Value::Int16(n as i16))
            }
            (Form::Int8, b'-' | b'0'..=b'9') => {
                self.whole(plan, i8::MIN.into(), i8::MAX.into()).map(|n| Value::Int8(n as i8))
            }
            (Form::Bytes, b'"') => self.bytes().map(Value::Bytes),
            (Form::Decimal, b'"') => {
                let bytes = self.bytes()?;
                let decimal = logical::decimal_to_logical(&plan.schema, &bytes)?;
                Ok(Value::Decimal(decimal.into()))
            }
            (Form::Decimal, b'-' | b'0'..=b'9') => {
                Ok(Value::Decimal(self.number()?.to_decimal().into()))
            }
            (Form::Date | Form::Time | Form::Timestamp, b'-' | b'0'..=b'9') => self.date(plan),
            (Form::Union(fields), _) => self.union(plan, fields, first),
            (Form::String, b'-' | b'0'..=b'9' | b't' | b'f') if is_enum(&plan.schema) => {
                self.symbol()
            }
            (Form::Variant, _) => {
                let node = self.reader.value(&Nodes);
                variant_of(&plan.schema, &self.parsed(node)?)
            }
            _ => Err(self.wrong_type(plan)),
        }
    }

    fn word(&mut self, word: &'static str) -> Checked<()> {
        let found = self.reader.literal(word);
        self.parsed(found)
    }

    fn text(&mut self) -> Checked<Text> {
        let text = self.reader.string();
        self.parsed(text).map(|text| slice(self.source, &text))
    }

    /// A symbol of an enum that is no text in JSON, but one in Kafka Connect.
    fn symbol(&mut self) -> Checked<Value> {
        let start = self.reader.at();
        let skipped = self.reader.value(&Skip);
        self.parsed(skipped)?;
        Ok(Value::String(Text::from(self.reader.since(start))))
    }

    fn number(&mut self) -> Checked<Number<'a>> {
        let number = self.reader.number();
        self.parsed(number)
    }

    /// A whole number between two others.
    fn whole(&mut self, plan: &Plan, least: i64, most: i64) -> Checked<i64> {
        let start = self.reader.at();
        let found = match self.reader.usual_number() {
            Some(Usual::Whole(number)) => Some(number),
            // With few digits, all of which count.
            Some(Usual::Decimal(number)) if number.fract() == 0.0 => Some(number as i64),
            Some(Usual::Decimal(_)) => None,
            None => exact(self.number()?),
        };
        match found {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(Fault::data(format!(
                "{} is no whole number from {least} to {most}, as {} needs it",
                short(self.reader.since(start)),
                plan.schema.kind().type_name()
            ))),
        }
    }

    fn float(&mut self, plan: &Plan, first: u8) -> Checked<Value> {
        let start = self.reader.at();
        let number = match first {
            b'"' => self.text()?.parse_special(),
            b'N' => self.word("NaN").map(|()| Some(f64::NAN))?,
            b'I' => self.word("Infinity").map(|()| Some(f64::INFINITY))?,
            b'-' if self.reader.rest().starts_with(b"-I") => {
                self.reader.skip(1);
                self.word("Infinity").map(|()| Some(f64::NEG_INFINITY))?
            }
            b'-' | b'0'..=b'9' => return self.finite(plan, start),
            _ => None,
        };
        match (number, &plan.form) {
            (Some(number), Form::Float32) => Ok(Value::Float32(number as f32)),
            (Some(number), _) => Ok(Value::Float64(number)),
            (None, _) if first == b'"' => Err(Fault::data(format!(
                "a number was expected ({}), but there is the text {}",
                plan.schema.kind().type_name(),
                short(self.reader.since(start))
            ))),
            (None, _) => Err(self.wrong_type(plan)),
        }
    }

    fn finite(&mut self, plan: &Plan, start: usize) -> Checked<Value> {
        let value = match (&plan.form, self.reader.usual_number()) {
            (Form::Float64, Some(Usual::Decimal(number))) => Value::Float64(number),
            (Form::Float64, Some(Usual::Whole(number))) => Value::Float64(number as f64),
            (Form::Float64, None) => Value::Float64(self.number()?.to_f64()),
            // By way of a double it would be rounded twice.
            (_, Some(_)) => Value::Float32(self.reader.since(start).parse().unwrap_or(f32::NAN)),
            (_, None) => Value::Float32(self.number()?.to_f32()),
        };
        let (value, finite) = match value {
            // Java reads decimals, which have no -0.
            Value::Float32(0.0) => (Value::Float32(0.0), true),
            Value::Float32(number) => (value, number.is_finite()),
            Value::Float64(number) => (value, number.is_finite()),
            other => (other, true),
        };
        if finite {
            return Ok(value);
        }
        Err(Fault::data(format!(
            "{} is more than {} holds",
            short(self.reader.since(start)),
            plan.schema.kind().type_name()
        )))
    }

    fn bytes(&mut self) -> Checked<Bytes> {
        let text = self.reader.string();
        let text = self.parsed(text)?;
        base64::decode(&text)
            .map(Bytes::from)
            .map_err(|what| Fault::data(format!("the text is no base64: {what}")))
    }

    fn date(&mut self, plan: &Plan) -> Checked<Value> {
        let ms = match plan.form {
            Form::Timestamp => {
                let ms = self.whole(plan, i64::MIN, i64::MAX)?;
                logical::timestamp_to_logical(&plan.schema, ms)?
            }
            _ => {
                // All 32 bits, as it is an int.
                let number = self.whole(plan, i32::MIN.into(), i32::MAX.into())? as i32;
                match plan.form {
                    Form::Date => logical::date_to_logical(&plan.schema, number)?,
                    _ => logical::time_to_logical(&plan.schema, number)?,
                }
            }
        };
        Ok(Value::Date(ms))
    }

    fn structure(&mut self, plan: &Plan, fields: &Fields) -> Checked<Value> {
        let list = fields.list.as_slice();
        let mut values: Vec<Value> = Vec::with_capacity(list.len());
        let mut extras: Vec<(Value, Value)> = Vec::new();
        let opened = self.reader.open_object();
        let mut more = self.parsed(opened)?;
        while more {
            let token = self.reader.token();
            self.parsed(token)?;
            // Properties mostly stand in the order of the fields.
            match list.get(values.len()) {
                Some(field) if self.reader.rest().starts_with(&field.quoted) => {
                    self.reader.skip(field.quoted.len());
                    values.push(Value::Null);
                    if let Some(place) = values.last_mut() {
                        self.read(&field.plan, place).map_err(|f| f.in_field(&field.name))?;
                    }
                }
                _ => self.property(plan, fields, &mut values, &mut extras)?,
            }
            let next = self.reader.next_field();
            more = self.parsed(next)?;
        }
        values.extend(list.iter().skip(values.len()).map(|field| missing(&field.plan.schema)));
        if let Some(at) = fields.extras
            && !extras.is_empty()
            && let Some(slot) = values.get_mut(at)
        {
            *slot = Value::map(MapValue::from_entries(extras));
        }
        Ok(Value::Struct(Struct::from_values(plan.schema.clone(), values).into()))
    }

    /// A property that is not the next field.
    fn property(
        &mut self,
        plan: &Plan,
        fields: &Fields,
        values: &mut Vec<Value>,
        extras: &mut Vec<(Value, Value)>,
    ) -> Checked<()> {
        let name = self.reader.name();
        let name = self.parsed(name)?;
        let place = plan.schema.field(&name).map(|field| field.index);
        let place = place.filter(|place| fields.extras != Some(*place));
        let Some((at, field)) = place.and_then(|at| Some((at, fields.list.get(at)?))) else {
            if fields.extras.is_none() {
                let skipped = self.reader.value(&Skip);
                return self.parsed(skipped);
            }
            if *name == *EXTRAS_FIELD {
                return Err(Fault::data(format!(
                    "there is a property by the name of {EXTRAS_FIELD}, which is kept for the \
                     properties that the schema does not name: give it another name, or set \
                     preserve.additional.properties to false"
                )));
            }
            let node = self.reader.value(&Nodes);
            let node = self.parsed(node)?;
            let schema = match plan.schema.field(EXTRAS_FIELD).map(|field| field.schema.kind()) {
                Some(gantry_model::Kind::Map { value, .. }) => value,
                _ => return Ok(()),
            };
            let value = variant_of(schema, &node).map_err(|f| f.in_field(&name))?;
            extras.push((Value::String(slice(self.source, &name)), value));
            return Ok(());
        };
        let value = self.value(&field.plan).map_err(|f| f.in_field(&field.name))?;
        let known = values.len();
        values.extend(
            fields.list.iter().take(at + 1).skip(known).map(|field| missing(&field.plan.schema)),
        );
        if let Some(slot) = values.get_mut(at) {
            *slot = value;
        }
        Ok(())
    }

    fn array(&mut self, element: &Plan) -> Checked<Value> {
        let mut list = Vec::new();
        let opened = self.reader.open_array();
        let mut more = self.parsed(opened)?;
        while more {
            let at = list.len();
            list.push(self.value(element).map_err(|f| f.in_item(at))?);
            let next = self.reader.next_element();
            more = self.parsed(next)?;
        }
        Ok(Value::array(list))
    }

    fn object(&mut self, values: &Plan) -> Checked<Value> {
        let mut map = MapBuilder::default();
        let opened = self.reader.open_object();
        let mut more = self.parsed(opened)?;
        while more {
            let name = self.reader.name();
            let name = self.parsed(name)?;
            let value = self.value(values).map_err(|f| f.in_field(&name))?;
            map.insert(Value::String(slice(self.source, &name)), value);
            let next = self.reader.next_field();
            more = self.parsed(next)?;
        }
        Ok(map.build())
    }

    fn entries(&mut self, entry: &[Plan; 2]) -> Checked<Value> {
        let mut map = MapBuilder::default();
        let opened = self.reader.open_array();
        let mut more = self.parsed(opened)?;
        let mut at = 0;
        while more {
            let (key, value) = self.entry(entry).map_err(|f| f.in_item(at))?;
            map.insert(key, value);
            at += 1;
            let next = self.reader.next_element();
            more = self.parsed(next)?;
        }
        Ok(map.build())
    }

    fn entry(&mut self, entry: &[Plan; 2]) -> Checked<(Value, Value)> {
        let [keys, values] = entry;
        let (mut key, mut value) = (None, None);
        let token = self.reader.token();
        if self.parsed(token)? != b'{' {
            let found = self.found();
            return Err(Fault::data(format!(
                "an entry of a map was expected, an object of 'key' and 'value', but there is \
                 {found}"
            )));
        }
        let opened = self.reader.open_object();
        let mut more = self.parsed(opened)?;
        while more {
            let name = self.reader.name();
            let name = self.parsed(name)?;
            match &*name {
                KEY => key = Some(self.value(keys).map_err(|f| f.in_field(KEY))?),
                VALUE => value = Some(self.value(values).map_err(|f| f.in_field(VALUE))?),
                other => {
                    return Err(Fault::data(format!(
                        "an entry of a map has 'key' and 'value' alone, but there is '{}'",
                        short(other)
                    )));
                }
            }
            let next = self.reader.next_field();
            more = self.parsed(next)?;
        }
        match (key, value) {
            (Some(key), Some(value)) => Ok((key, value)),
            (None, _) => Err(Fault::data("an entry of a map has no 'key'")),
            (_, None) => Err(Fault::data("an entry of a map has no 'value'")),
        }
    }

    fn union(&mut self, plan: &Plan, fields: &Fields, first: u8) -> Checked<Value> {
        // The branch is chosen by what stands here, which then is read once more.
        let node = match first {
            b'{' | b'-' | b'0'..=b'9' => {
                let node = self.reader.clone().value(&Nodes);
                self.parsed(node)?
            }
            b'"' => Node::String("".into()),
            b'[' => Node::Array(Vec::new()),
            b't' | b'f' => Node::Boolean(true),
            _ => return Err(self.wrong_type(plan)),
        };
        let chosen = union::branch(fields, &node);
        let Some((at, field)) = chosen.and_then(|at| Some((at, fields.list.get(at)?))) else {
            let found = self.found();
            return Err(Fault::data(format!(
                "Did not find matching oneof field for data: none of {} branches takes {found}",
                fields.list.len()
            )));
        };
        let mut values = vec![Value::Null; fields.list.len()];
        let value = self.value(&field.plan).map_err(|f| f.in_field(&field.name))?;
        if let Some(slot) = values.get_mut(at) {
            *slot = value;
        }
        Ok(Value::Struct(Struct::from_values(plan.schema.clone(), values).into()))
    }

    #[cold]
    fn wrong_type(&mut self, plan: &Plan) -> Fault {
        let expected = match &plan.form {
            Form::Boolean => "true or false",
            Form::Int8 | Form::Int16 | Form::Int32 | Form::Int64 => "a whole number",
            Form::Float32 | Form::Float64 => "a number",
            Form::String => "a text",
            Form::Bytes => "a text of base64",
            Form::Decimal => "a number, or a text of base64,",
            Form::Date | Form::Time | Form::Timestamp => "a whole number",
            Form::Array(_) => "an array",
            Form::Object(_) | Form::Struct(_) => "an object",
            Form::Entries(_) => "an array of objects of 'key' and 'value'",
            Form::Union(_) | Form::Variant => "a value",
        };
        let type_ = match plan.schema.name() {
            Some(name) => format!("{name}:{}", plan.schema.kind().type_name()),
            None => plan.schema.kind().type_name().to_owned(),
        };
        // What is no JSON at all is named first.
        match self.reader.clone().value(&Skip) {
            Err(error) => syntax(&error, self.source),
            Ok(()) => {
                let found = self.found();
                Fault::data(format!("{expected} was expected ({type_}), but there is {found}"))
            }
        }
    }

    /// What stands here, for messages.
    #[cold]
    fn found(&mut self) -> &'static str {
        match self.reader.token() {
            Ok(b'"') => "a text",
            Ok(b'{') => "an object",
            Ok(b'[') => "an array",
            Ok(b't' | b'f') => "a boolean",
            Ok(b'n') => "null",
            Ok(b'-' | b'0'..=b'9') => "a number",
            _ => "no value",
        }
    }
}

/// The whole number that a number is, if it is one of 64 bits.
fn exact(number: Number<'_>) -> Option<i64> {
    if number.is_integral() {
        return number.text().parse().ok();
    }
    let decimal = number.to_decimal();
    let digits = decimal.unscaled.to_string();
    let trimmed = digits.trim_end_matches('0');
    if matches!(trimmed, "" | "-") {
        return Some(0);
    }
    let zeros = i64::try_from(digits.len() - trimmed.len()).ok()? - i64::from(decimal.scale);
    // 64 bits hold 19 digits.
    match usize::try_from(zeros) {
        Ok(zeros @ 0..=19) => format!("{trimmed}{}", "0".repeat(zeros)).parse().ok(),
        _ => None,
    }
}

/// Names of numbers that JSON has not: how they are written.
trait Special {
    fn parse_special(&self) -> Option<f64>;
}

impl Special for Text {
    fn parse_special(&self) -> Option<f64> {
        match &**self {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }
}

fn variant_of(schema: &Schema, node: &Node<'_>) -> Checked<Value> {
    let (metadata, value) = variant::read(node).map_err(Fault::data)?;
    let values = vec![Value::Bytes(metadata.into()), Value::Bytes(value.into())];
    Ok(Value::Struct(Struct::from_values(schema.clone(), values).into()))
}

/// What null becomes.
fn null_of(schema: &Schema) -> Checked<Value> {
    match schema.default_value() {
        Some(default) if !default.is_null() => Ok(default.clone()),
        _ if schema.is_optional() => Ok(Value::Null),
        _ => Err(Fault::data(format!(
            "Invalid null value for required {} field",
            schema.kind().type_name()
        ))),
    }
}

/// What a property that is not there becomes. Whether it had to be there is for those to judge who
/// use the value.
fn missing(schema: &Schema) -> Value {
    schema.default_value().cloned().unwrap_or_default()
}

/// A piece of a document for a message.
fn short(text: &str) -> String {
    const LENGTH: usize = 40;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
