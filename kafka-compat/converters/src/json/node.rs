//! Trees of nodes, as the reader can build them.

use std::borrow::Cow;
use std::collections::HashMap;

use bytestring::ByteString;
use gantry_model::{Text, Value};

use super::number::Number;
use super::reader::Build;

/// Text as a part of the source, unless it had escapes.
#[inline]
#[expect(clippy::ptr_arg, reason = "borrowed text is a part of the source, owned text is not")]
pub fn slice(source: &ByteString, text: &Cow<'_, str>) -> Text {
    match text {
        Cow::Borrowed(text) => Text::slice(source, text),
        Cow::Owned(text) => Text::from(&**text),
    }
}

/// A number where no schema says which type it has.
pub(crate) fn schemaless_number(value: Number<'_>) -> Value {
    if value.is_integral() { Value::Int64(value.to_i64()) } else { Value::Float64(value.to_f64()) }
}

/// A JSON value as it stands.
#[derive(Debug)]
pub enum Node<'a> {
    /// An empty document.
    Missing,
    /// null
    Null,
    /// true or false
    Boolean(bool),
    /// A number.
    Number(Number<'a>),
    /// A text, its escapes resolved.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object.
    Object(ObjectNode<'a>),
}

impl<'a> Node<'a> {
    /// The name of its type, as Jackson prints it.
    pub fn type_name(&self) -> &'static str {
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
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.get(name),
            _ => None,
        }
    }
    /// The text, if it is a string.
    pub fn text(&self) -> Option<&Cow<'a, str>> {
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
pub struct ObjectNode<'a> {
    fields: Vec<(Cow<'a, str>, Node<'a>)>,
    /// Places of the fields, once there are many.
    places: HashMap<Cow<'a, str>, usize>,
}

impl<'a> ObjectNode<'a> {
    /// All fields.
    pub fn fields(&self) -> &[(Cow<'a, str>, Node<'a>)] {
        &self.fields
    }
    fn place(&self, name: &str) -> Option<usize> {
        if self.fields.len() > SCAN_LIMIT {
            return self.places.get(name).copied();
        }
        self.fields.iter().position(|(n, _)| n == name)
    }
    /// A field by name.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
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
#[derive(Clone, Copy, Debug)]
pub struct Nodes;

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
}
