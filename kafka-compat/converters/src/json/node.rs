//! What the reader can build: values without schema, and trees of nodes.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use bytestring::ByteString;
use gantry_model::Value;

use super::map::MapBuilder;
use super::number::Number;
use super::reader::Build;

/// Builds Connect's values of a document without schema.
pub(crate) struct Values<'a> {
    /// What is read: strings become slices of it.
    source: &'a ByteString,
    /// Room for the fields of the outermost object, which is met first.
    room: Cell<usize>,
}

impl<'a> Values<'a> {
    /// A builder that expects `room` fields in the outermost object.
    pub(crate) fn new(source: &'a ByteString, room: usize) -> Self {
        Self { source, room: Cell::new(room) }
    }
}

impl<'a> Build<'a> for Values<'a> {
    type Value = Value;
    type Array = Vec<Value>;
    type Object = MapBuilder;

    fn null(&self) -> Value {
        Value::Null
    }
    fn boolean(&self, value: bool) -> Value {
        Value::Boolean(value)
    }
    fn number(&self, value: Number<'a>) -> Value {
        schemaless_number(value)
    }
    fn string(&self, value: Cow<'a, str>) -> Value {
        Value::String(slice(self.source, value))
    }
    fn begin_array(&self) -> Vec<Value> {
        Vec::new()
    }
    fn push(&self, array: &mut Vec<Value>, value: Value) {
        array.push(value);
    }
    fn end_array(&self, array: Vec<Value>) -> Value {
        Value::array(array)
    }
    fn begin_object(&self) -> MapBuilder {
        MapBuilder::with_capacity(self.room.replace(0))
    }
    fn insert(&self, object: &mut MapBuilder, name: Cow<'a, str>, value: Value) {
        object.insert(Value::String(slice(self.source, name)), value);
    }
    fn end_object(&self, object: MapBuilder) -> Value {
        object.build()
    }
}

/// Text as a slice of the source, unless it had escapes.
pub(crate) fn slice(source: &ByteString, text: Cow<'_, str>) -> ByteString {
    match text {
        Cow::Borrowed(text) => source.slice_ref(text),
        Cow::Owned(text) => ByteString::from(text),
    }
}

/// A number where no schema says which type it has.
pub(crate) fn schemaless_number(value: Number<'_>) -> Value {
    if value.is_integral() { Value::Int64(value.to_i64()) } else { Value::Float64(value.to_f64()) }
}

/// A JSON value as it stands.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// An empty document.
    Missing,
    Null,
    Boolean(bool),
    Number(Number<'a>),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(ObjectNode<'a>),
}

impl<'a> Node<'a> {
    /// The name of its type, as Jackson prints it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::Null => "NULL",
            Self::Boolean(_) => "BOOLEAN",
            Self::Number(_) => "NUMBER",
            Self::String(_) => "STRING",
            Self::Array(_) => "ARRAY",
            Self::Object(_) => "OBJECT",
        }
    }
    /// A field, if it is an object that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.get(name),
            _ => None,
        }
    }
    /// The text, if it is a string.
    pub(crate) fn text(&self) -> Option<&Cow<'a, str>> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Up to this many fields are compared one by one.
const SCAN_LIMIT: usize = 16;

/// An object with distinct names, in order.
#[derive(Debug, Default)]
pub(crate) struct ObjectNode<'a> {
    fields: Vec<(Cow<'a, str>, Node<'a>)>,
    /// Places of the fields, once there are many.
    places: HashMap<Cow<'a, str>, usize>,
}

impl<'a> ObjectNode<'a> {
    /// All fields.
    pub(crate) fn fields(&self) -> &[(Cow<'a, str>, Node<'a>)] {
        &self.fields
    }
    fn place(&self, name: &str) -> Option<usize> {
        if self.fields.len() > SCAN_LIMIT {
            return self.places.get(name).copied();
        }
        self.fields.iter().position(|(n, _)| n == name)
    }
    pub(crate) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.fields.get(self.place(name)?).map(|(_, node)| node)
    }
    fn insert(&mut self, name: Cow<'a, str>, node: Node<'a>) {
        if let Some(place) = self.place(&name)
            && let Some((_, old)) = self.fields.get_mut(place)
        {
            *old = node;
            return;
        }
        self.fields.push((name, node));
        let count = self.fields.len();
        // On passing the limit all fields so far are noted, later only the new one.
        let unnoted = if count == SCAN_LIMIT + 1 { 0 } else { count - 1 };
        if count > SCAN_LIMIT {
            for (place, (name, _)) in self.fields.iter().enumerate().skip(unnoted) {
                self.places.insert(name.clone(), place);
            }
        }
    }
}

/// Builds a tree.
pub(crate) struct Nodes;

impl<'a> Build<'a> for Nodes {
    type Value = Node<'a>;
    type Array = Vec<Node<'a>>;
    type Object = ObjectNode<'a>;

    fn null(&self) -> Node<'a> {
        Node::Null
    }
    fn boolean(&self, value: bool) -> Node<'a> {
        Node::Boolean(value)
    }
    fn number(&self, value: Number<'a>) -> Node<'a> {
        Node::Number(value)
    }
    fn string(&self, value: Cow<'a, str>) -> Node<'a> {
        Node::String(value)
    }
    fn begin_array(&self) -> Vec<Node<'a>> {
        Vec::new()
    }
    fn push(&self, array: &mut Vec<Node<'a>>, value: Node<'a>) {
        array.push(value);
    }
    fn end_array(&self, array: Vec<Node<'a>>) -> Node<'a> {
        Node::Array(array)
    }
    fn begin_object(&self) -> ObjectNode<'a> {
        ObjectNode::default()
    }
    fn insert(&self, object: &mut ObjectNode<'a>, name: Cow<'a, str>, value: Node<'a>) {
        object.insert(name, value);
    }
    fn end_object(&self, object: ObjectNode<'a>) -> Node<'a> {
        Node::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::reader::Reader;

    #[test]
    fn fields_are_found_in_small_and_large_objects() {
        for size in [1, SCAN_LIMIT, SCAN_LIMIT + 1, 1000] {
            let field = |n: usize, v: usize| format!("\"f{n}\":{v}");
            let mut fields: Vec<String> = (0..size).map(|n| field(n, n)).collect();
            fields.push(field(0, 77));
            let text = format!("{{{}}}", fields.join(","));
            let node = Reader::new(&text, false).root(&Nodes).unwrap().unwrap();
            let get = |name: &str| match node.get(name) {
                Some(Node::Number(n)) => Some(n.to_i64()),
                _ => None,
            };
            assert_eq!(get("f0"), Some(77));
            if size > 1 {
                assert_eq!(get(&format!("f{}", size - 1)), Some(size as i64 - 1));
            }
            assert_eq!(get("g"), None);
            let Node::Object(object) = &node else { panic!("no object") };
            assert_eq!(object.fields().len(), size);
        }
    }

    #[test]
    fn strings_without_escapes_are_slices() {
        let source = ByteString::from(r#"{"name":["plain","esc\n"]}"#);
        let value = Reader::new(&source, false).root(&Values::new(&source, 0)).unwrap().unwrap();
        let Value::Map(map) = &value else { panic!("no map") };
        let Some(Value::Array(list)) = map.get("name") else { panic!("no list") };
        let (Value::String(plain), Value::String(escaped)) = (&list[0], &list[1]) else {
            panic!("no strings")
        };
        let range = source.as_bytes().as_ptr_range();
        assert!(range.contains(&plain.as_bytes().as_ptr()));
        assert!(!range.contains(&escaped.as_bytes().as_ptr()));
        assert_eq!(escaped, "esc\n");
    }
}
