//! Parts of a JSON text as they stand in it: numbers keep their digits and members their order, as Jackson's tree does.

use serde::de::IgnoredAny;

/// A value within a text that is known to be JSON, without white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node<'a>(&'a str);

/// Where in a value another one is: RFC 6901. `/` alone is the whole, as castorm's connector has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointer {
    steps: Vec<String>,
    text: String,
}

impl Pointer {
    /// The error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let steps = match text {
            "" | "/" => Vec::new(),
            _ => text
                .strip_prefix('/')
                .ok_or_else(|| "a JSON pointer begins with /".to_owned())?
                .split('/')
                .map(|step| step.replace("~1", "/").replace("~0", "~"))
                .collect(),
        };
        Ok(Self { steps, text: text.to_owned() })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl<'a> Node<'a> {
    /// The error says what is wrong, and where.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
        Ok(Self(text.trim()))
    }

    /// What a pointer leads to.
    pub(super) fn at(self, pointer: &Pointer) -> Option<Self> {
        pointer.steps.iter().try_fold(self, |node, step| node.step(step))
    }

    fn step(self, name: &str) -> Option<Self> {
        if self.is_object() {
            let mut found = None;
            // Of two members of a name the last one counts.
            for (key, value) in self.members() {
                if key == name {
                    found = Some(value);
                }
            }
            return found;
        }
        self.items()?.get(name.parse::<usize>().ok()?).copied()
    }

    pub(super) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub(super) fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The items of an array.
    pub(super) fn items(self) -> Option<Vec<Self>> {
        let mut rest = self.0.strip_prefix('[')?.trim_start();
        let mut items = Vec::new();
        while !rest.starts_with(']') && !rest.is_empty() {
            let (item, behind) = value(rest);
            items.push(item);
            rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
        }
        Some(items)
    }

    fn members(self) -> Vec<(String, Self)> {
        let mut rest = self.0.strip_prefix('{').unwrap_or_default().trim_start();
        let mut members = Vec::new();
        while rest.starts_with('"') {
            let (name, behind) = value(rest);
            let behind = behind.strip_prefix(':').unwrap_or(behind).trim_start();
            let (member, behind) = value(behind);
            members.push((name.text(), member));
            rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
        }
        members
    }

    /// As Jackson's `asText`: texts without quotes, numbers and words as they are; arrays and objects have none.
    pub(super) fn text(self) -> String {
        match self.0.as_bytes().first() {
            Some(b'"') => serde_json::from_str(self.0).unwrap_or_default(),
            Some(b'{' | b'[') => String::new(),
            _ => self.0.to_owned(),
        }
    }

    /// Objects and arrays without white space between their parts, others as text.
    pub(super) fn compact(self) -> String {
        if !self.0.starts_with(['{', '[']) {
            return self.text();
        }
        let (mut out, mut quoted, mut escaped) =
            (String::with_capacity(self.0.len()), false, false);
        for letter in self.0.chars() {
            if quoted {
                quoted = escaped || letter != '"';
                escaped = !escaped && letter == '\\';
            } else if letter.is_ascii_whitespace() {
                continue;
            } else {
                quoted = letter == '"';
            }
            out.push(letter);
        }
        out
    }
}

/// The value at the beginning of a text, and what is behind it and the white space there.
fn value(text: &str) -> (Node<'_>, &str) {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut end = text.len();
    for (at, byte) in text.bytes().enumerate() {
        if quoted {
            if !escaped && byte == b'"' {
                quoted = false;
                if depth == 0 {
                    end = at + 1;
                    break;
                }
            }
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => {
                end = at;
                break;
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    end = at + 1;
                    break;
                }
            }
            b',' | b':' if depth == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let (value, behind) = text.split_at_checked(end).unwrap_or((text, ""));
    (Node(value.trim_end()), behind.trim_start())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str, pointer: &str) -> Option<String> {
        let found = Node::parse(text).unwrap().at(&Pointer::parse(pointer).unwrap());
        found.map(Node::compact)
    }

    #[test]
    fn parts_stand_as_they_are() {
        let text = r#" { "z" : 1.10, "a/b" : [ {"x" : "q\"]," }, null ] , "e":{} , "z": 12345678901234567890 } "#;
        let cases = [
            ("/z", Some("12345678901234567890")),
            ("/a~1b/0", Some(r#"{"x":"q\"],"}"#)),
            ("/a~1b/0/x", Some("q\"],")),
            ("/a~1b/1", Some("null")),
            ("/a~1b/2", None),
            ("/e", Some("{}")),
            ("/e/z", None),
            ("/z/0", None),
        ];
        for (pointer, expected) in cases {
            assert_eq!(at(text, pointer).as_deref(), expected, "{pointer}");
        }
        let whole = r#"{"z":1.10,"a/b":[{"x":"q\"],"},null],"e":{},"z":12345678901234567890}"#;
        assert_eq!(at(text, "/").as_deref(), Some(whole));
        assert!(Pointer::parse("items").is_err());
        assert!(Node::parse("{\"a\":}").unwrap_err().contains("line 1"));
    }

    proptest! {
        #[test]
        fn what_a_library_finds_is_found(seed in any::<u64>()) {
            let value = arbitrary(&mut fastrand::Rng::with_seed(seed), 0);
            let text = serde_json::to_string_pretty(&value).unwrap();
            let node = Node::parse(&text).unwrap();
            let compact = node.compact();
            match value.as_str() {
                Some(text) => prop_assert_eq!(&compact, text),
                None => prop_assert_eq!(&compact, &value.to_string()),
            }
            if let Some(items) = value.as_array() {
                let found = node.items().unwrap();
                prop_assert_eq!(found.len(), items.len());
                for (found, item) in found.iter().zip(items) {
                    prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(found.0).unwrap(), item);
                }
            }
            if let Some(map) = value.as_object() {
                prop_assert_eq!(node.members().len(), map.len());
                for (name, found) in node.members() {
                    prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(found.0).unwrap(), &map[&name]);
                }
            }
        }
    }

    fn arbitrary(rng: &mut fastrand::Rng, depth: usize) -> serde_json::Value {
        let word = |rng: &mut fastrand::Rng| -> String {
            (0..rng.usize(0..5))
                .map(|_| *rng.choice(&['a', '"', '\\', ',', '}', ']', ':', 'ß', '\n']).unwrap())
                .collect()
        };
        match rng.u8(0..if depth < 3 { 7 } else { 5 }) {
            0 => serde_json::Value::Null,
            1 => rng.bool().into(),
            2 => rng.i64(..).into(),
            3 => (f64::from(rng.i32(..)) / 8.0).into(),
            4 => word(rng).into(),
            5 => (0..rng.usize(0..4)).map(|_| arbitrary(rng, depth + 1)).collect::<Vec<_>>().into(),
            _ => serde_json::Value::Object(
                (0..rng.usize(0..4)).map(|_| (word(rng), arbitrary(rng, depth + 1))).collect(),
            ),
        }
    }
}
