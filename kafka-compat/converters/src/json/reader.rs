//! A JSON reader that accepts what Jackson accepts and builds what the caller wants.
//!
//! Beyond the standard: leading zeros, and anything behind the first value. Strings without
//! escapes are slices of the text.

use std::borrow::Cow;

use super::number::Number;
use super::scan;

/// Jackson's limit for arrays and objects within each other.
pub const MAX_DEPTH: usize = 1000;
/// Jackson's limit for the length of a field name, in bytes here.
const MAX_NAME_BYTES: usize = 50_000;

/// What is wrong with a document, and where.
#[derive(Debug)]
pub struct SyntaxError(Box<(usize, Cow<'static, str>)>);

/// What was read.
pub type Parsed<T> = std::result::Result<T, SyntaxError>;

impl SyntaxError {
    /// The message, with line and column counted from 1.
    pub fn describe(&self, text: &str) -> String {
        let (at, what) = &*self.0;
        let before = text.as_bytes().get(..*at).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        format!("not valid JSON at line {line}, column {column}: {what}")
    }
}

/// Builds a result from what is read.
pub trait Build<'a> {
    /// Of any value.
    type Value;
    /// Of an array while it is read.
    type Array;
    /// Of an object while it is read.
    type Object;

    /// null
    fn null(&self) -> Self::Value;
    /// true or false
    fn boolean(&self, value: bool) -> Self::Value;
    /// A number.
    fn number(&self, value: Number<'a>) -> Self::Value;
    /// A text: a part of the document, unless it had escapes.
    fn string(&self, value: Cow<'a, str>) -> Self::Value;
    /// An array without elements.
    fn begin_array(&self) -> Self::Array;
    /// Adds an element.
    fn push(&self, array: &mut Self::Array, value: Self::Value);
    /// The array with all its elements.
    fn end_array(&self, array: Self::Array) -> Self::Value;
    /// An object without fields.
    fn begin_object(&self) -> Self::Object;
    /// The last of several values of one name wins.
    fn insert(&self, object: &mut Self::Object, name: Cow<'a, str>, value: Self::Value);
    /// The object with all its fields.
    fn end_object(&self, object: Self::Object) -> Self::Value;
}

/// Reads over a value.
#[derive(Clone, Copy, Debug)]
pub struct Skip;

impl<'a> Build<'a> for Skip {
    type Value = ();
    type Array = ();
    type Object = ();

    fn null(&self) {}
    fn boolean(&self, _value: bool) {}
    fn number(&self, _value: Number<'a>) {}
    fn string(&self, _value: Cow<'a, str>) {}
    fn begin_array(&self) {}
    fn push(&self, _array: &mut (), _value: ()) {}
    fn end_array(&self, _array: ()) {}
    fn begin_object(&self) {}
    fn insert(&self, _object: &mut (), _name: Cow<'a, str>, _value: ()) {}
    fn end_object(&self, _object: ()) {}
}

/// A number that is known at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Usual {
    /// Without point.
    Whole(i64),
    /// With one.
    Decimal(f64),
}

/// Digits, and the point.
const USUAL_DIGITS: usize = 15;
/// As many as can stand behind the point. Doubles hold them exactly, so that one division rounds
/// only once.
const POWERS_OF_TEN: [f64; 14] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13];

/// A place in a text.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    /// The same, as bytes.
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// See [`super::Input::broken`].
    broken: bool,
}

impl<'a> Reader<'a> {
    /// At the beginning of a text.
    pub fn new(text: &'a str, broken: bool) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, depth: 0, broken }
    }
    /// Where it stands, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }
    /// The text from a place up to here.
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }
    /// The text from here on.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
    /// Goes over so many bytes, of which the caller knows what they are.
    #[inline]
    pub fn skip(&mut self, length: usize) {
        self.at += length;
    }
    /// No value begins here.
    #[cold]
    pub fn no_value(&self) -> SyntaxError {
        self.expected("a value")
    }
    /// Goes over `expected` if it stands here.
    pub fn skip_known(&mut self, expected: &str) -> bool {
        let found =
            self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(expected.as_bytes()));
        if found {
            self.at += expected.len();
        }
        found
    }

    /// The first value of the text; `None` if there is nothing but blanks. What follows it is not
    /// looked at, as long as it does not touch a number or word.
    pub fn root<B: Build<'a>>(&mut self, build: &B) -> Parsed<Option<B::Value>> {
        self.root_by(|reader| reader.value(build))
    }
    /// The same with another way to read the value.
    pub fn root_by<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<Option<T>> {
        self.skip_blanks();
        let Some(&first) = self.bytes.get(self.at) else {
            return if self.broken { Err(self.cut_short()) } else { Ok(None) };
        };
        let value = read(self)?;
        if matches!(first, b'-' | b'0'..=b'9') {
            match self.bytes.get(self.at) {
                None if self.broken => return Err(self.cut_short()),
                None | Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                Some(_) => return Err(self.expected("a blank behind the number")),
            }
        }
        Ok(Some(value))
    }

    /// The value that stands here.
    pub fn value<B: Build<'a>>(&mut self, build: &B) -> Parsed<B::Value> {
        match self.token()? {
            b'"' => Ok(build.string(self.string()?)),
            b'{' => self.object(build),
            b'[' => self.array(build),
            b'n' => self.literal("null").map(|()| build.null()),
            b't' => self.literal("true").map(|()| build.boolean(true)),
            b'f' => self.literal("false").map(|()| build.boolean(false)),
            b'-' | b'0'..=b'9' => Ok(build.number(self.number()?)),
            _ => Err(self.no_value()),
        }
    }

    fn array<B: Build<'a>>(&mut self, build: &B) -> Parsed<B::Value> {
        let mut array = build.begin_array();
        let mut more = self.open_array()?;
        while more {
            let value = self.value(build)?;
            build.push(&mut array, value);
            more = self.next_element()?;
        }
        Ok(build.end_array(array))
    }

    fn object<B: Build<'a>>(&mut self, build: &B) -> Parsed<B::Value> {
        let mut object = build.begin_object();
        let mut more = self.open_object()?;
        while more {
            let name = self.name()?;
            let value = self.value(build)?;
            build.insert(&mut object, name, value);
            more = self.next_field()?;
        }
        Ok(build.end_object(object))
    }

    /// Goes into an array; whether it has elements. The caller is at its `[`.
    #[inline]
    pub fn open_array(&mut self) -> Parsed<bool> {
        self.enter()?;
        self.more_unless(b']')
    }
    /// Goes on behind an element; whether another one follows.
    #[inline]
    pub fn next_element(&mut self) -> Parsed<bool> {
        match self.token()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            b']' => self.leave(),
            _ => Err(self.expected("',' or ']'")),
        }
    }
    /// Goes into an object; whether it has fields. The caller is at its `{`.
    #[inline]
    pub fn open_object(&mut self) -> Parsed<bool> {
        self.enter()?;
        self.more_unless(b'}')
    }
    /// Goes on behind a field; whether another one follows.
    #[inline]
    pub fn next_field(&mut self) -> Parsed<bool> {
        match self.token()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            b'}' => self.leave(),
            _ => Err(self.expected("',' or '}'")),
        }
    }
    /// The name of a field, and the colon.
    pub fn name(&mut self) -> Parsed<Cow<'a, str>> {
        if self.token()? != b'"' {
            return Err(self.expected("a field name in double quotes"));
        }
        let name = self.string()?;
        if name.len() > MAX_NAME_BYTES {
            return Err(self.error("a field name is longer than 50000 bytes"));
        }
        if self.token()? != b':' {
            return Err(self.expected("':'"));
        }
        self.at += 1;
        Ok(name)
    }

    fn enter(&mut self) -> Parsed<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("more than 1000 arrays and objects stand within each other"));
        }
        Ok(())
    }
    fn leave(&mut self) -> Parsed<bool> {
        self.at += 1;
        self.depth -= 1;
        Ok(false)
    }
    fn more_unless(&mut self, end: u8) -> Parsed<bool> {
        if self.token()? == end { self.leave() } else { Ok(true) }
    }

    /// The first byte of what comes behind blanks.
    #[inline]
    pub fn token(&mut self) -> Parsed<u8> {
        match self.bytes.get(self.at) {
            Some(&b) if b > b' ' => Ok(b),
            _ => {
                self.skip_blanks();
                self.bytes.get(self.at).copied().ok_or_else(|| self.cut_short())
            }
        }
    }
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// `null`, `true` or `false`.
    pub fn literal(&mut self, word: &'static str) -> Parsed<()> {
        if !self.skip_known(word) {
            return Err(self.expected("null, true, false, a number, a string, '[' or '{'"));
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '\u{7f}')) {
            return Err(self.expected("the end of the word"));
        }
        if rest.is_empty() && self.broken {
            return Err(self.cut_short());
        }
        Ok(())
    }

    /// A number of few digits and without exponent, as most are; `None`, and nothing read, for
    /// any other.
    #[inline]
    pub fn usual_number(&mut self) -> Option<Usual> {
        let rest = self.rest();
        let negative = rest.first() == Some(&b'-');
        let start = usize::from(negative);
        let (mut at, mut digits, mut point) = (start, 0i64, None);
        // So many digits fit without a look at overflow, and a double holds them exactly.
        while let Some(&b) = rest.get(at)
            && at <= start + USUAL_DIGITS
        {
            match b {
                b'0'..=b'9' => digits = digits * 10 + i64::from(b - b'0'),
                b'.' if point.is_none() => point = Some(at),
                _ => break,
            }
            at += 1;
        }
        if at == start
            || at > start + USUAL_DIGITS
            || matches!(rest.get(at), Some(b'.' | b'e' | b'E'))
        {
            return None;
        }
        let number = match point {
            None => Usual::Whole(if negative { -digits } else { digits }),
            Some(point) if point > start && point + 1 < at => {
                let power = POWERS_OF_TEN.get(at - point - 1)?;
                let value = digits as f64 / power;
                // Kafka reads decimals, which have no -0.
                Usual::Decimal(if negative && digits != 0 { -value } else { value })
            }
            Some(_) => return None,
        };
        self.at += at;
        Some(number)
    }

    /// The number that stands here.
    pub fn number(&mut self) -> Parsed<Number<'a>> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        self.digits()?;
        let mut integral = true;
        if self.bytes.get(self.at) == Some(&b'.') {
            integral = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            integral = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Number::new(self.since(start), integral).map_err(|what| self.error(what))
    }
    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    /// The string whose opening quote stands here.
    #[inline]
    pub fn string(&mut self) -> Parsed<Cow<'a, str>> {
        let start = self.at + 1;
        let end = scan::string_end(self.bytes, start);
        self.at = end;
        match self.bytes.get(end) {
            Some(b'"') => {
                self.at += 1;
                Ok(Cow::Borrowed(self.text.get(start..end).unwrap_or_default()))
            }
            Some(b'\\') => self.escaped_string(start).map(Cow::Owned),
            Some(_) => Err(self.error("a control character must be escaped within a string")),
            None => Err(self.cut_short()),
        }
    }
    #[cold]
    fn escaped_string(&mut self, start: usize) -> Parsed<String> {
        let mut string = self.since(start).to_owned();
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    let char = self.escape()?;
                    string.push(char);
                }
                Some(b) if *b < b' ' => {
                    return Err(self.error("a control character must be escaped within a string"));
                }
                None => return Err(self.cut_short()),
                Some(_) => {
                    let from = self.at;
                    self.at = scan::string_end(self.bytes, from);
                    string.push_str(self.since(from));
                }
            }
        }
    }
    fn escape(&mut self) -> Parsed<char> {
        let Some(&kind) = self.bytes.get(self.at + 1) else {
            self.at += 1;
            return Err(self.cut_short());
        };
        let char = match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.error("an unknown escape within a string")),
        };
        self.at += 2;
        Ok(char)
    }
    /// A surrogate without its partner cannot be kept: it becomes what Java writes for one.
    fn unicode_escape(&mut self) -> Parsed<char> {
        let first = self.unit()?;
        if let 0xD800..=0xDBFF = first
            && self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
        {
            let back = self.at;
            let second = self.unit()?;
            if let Some(Ok(char)) = char::decode_utf16([first, second]).next() {
                return Ok(char);
            }
            self.at = back;
        }
        Ok(char::from_u32(u32::from(first)).unwrap_or('?'))
    }
    fn unit(&mut self) -> Parsed<u16> {
        let digits = self.text.get(self.at + 2..self.at + 6);
        let unit = digits
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let Some(unit) = unit else {
            return Err(self.error("four hexadecimal digits must follow \\u"));
        };
        self.at += 6;
        Ok(unit)
    }

    #[cold]
    fn error(&self, what: &'static str) -> SyntaxError {
        SyntaxError(Box::new((self.at, Cow::Borrowed(what))))
    }
    #[cold]
    fn cut_short(&self) -> SyntaxError {
        self.error(if self.broken { "invalid UTF-8" } else { "the document ends here" })
    }
    #[cold]
    fn expected(&self, what: &str) -> SyntaxError {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(found) = rest.chars().next() else { return self.cut_short() };
        let what = format!("{what} was expected, but there is {found:?}");
        SyntaxError(Box::new((self.at, Cow::Owned(what))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &str) -> bool {
        Reader::new(text, false).root(&Skip).is_ok()
    }

    #[test]
    fn accepts_what_jackson_accepts() {
        for text in [
            "",
            " ",
            "null",
            "true",
            "false",
            "0",
            "01",
            "-00",
            "1.5e-3",
            "1E+5",
            "\"\"",
            "[]",
            "{}",
            " [ 1 , 2 ] x",
            "{\"a\":{}}}",
            "\"a\"x",
            "true,",
            "true ;",
            "1 x",
            "\"\\ud800\"",
            "[-0]",
            "{\"\":1}",
        ] {
            assert!(accepts(text), "{text}");
        }
    }

    #[test]
    fn refuses_what_jackson_refuses() {
        for text in [
            "nope",
            "tru",
            "truex",
            "nullé",
            "NaN",
            "+1",
            ".5",
            "1.",
            "1.e3",
            "1e",
            "-",
            "-a",
            "1x",
            "1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1,}",
            "{a:1}",
            "{'a':1}",
            "{\"a\" 1}",
            "{\"a\":}",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "\"a\nb\"",
            "\"abc",
            "[",
            "{",
            "{\"a\"",
            "]",
            "/*c*/1",
            "\u{feff}1",
            "\"\\",
            "\"\\u12",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn escapes_are_resolved() {
        let text = r#""\"\\\/\b\f\n\r\t\u0041\ud83d\uDE00\ud800x\ude00\ud800\u0042é""#;
        let mut reader = Reader::new(text, false);
        assert_eq!(reader.string().unwrap(), "\"\\/\u{8}\u{c}\n\r\tA😀?x??Bé");
    }

    #[test]
    fn usual_numbers_are_those_that_the_long_way_reads() {
        let texts = [
            "0",
            "-0",
            "007",
            "-12,",
            "1.50]",
            "-0.0",
            "0.1 ",
            "12.345678901234",
            "1.0e5",
            "1e5",
            "1.",
            ".5",
            "-",
            "-.5",
            "1..2",
            "1.2.3",
            "123456789012345",
            "1234567890123456",
            "-9223372036854775808",
            "99999999999999.9",
            "0.000000000000001",
            "1x",
        ];
        let mut usual = 0;
        for text in texts {
            let mut reader = Reader::new(text, false);
            let Some(found) = reader.usual_number() else {
                assert_eq!(reader.at(), 0);
                continue;
            };
            usual += 1;
            let mut long = Reader::new(text, false);
            let number = long.number().unwrap();
            assert_eq!(reader.at(), long.at(), "{text}");
            match found {
                Usual::Whole(n) => assert!(number.is_integral() && number.to_i64() == n, "{text}"),
                Usual::Decimal(n) => {
                    assert!(
                        !number.is_integral() && number.to_f64().to_bits() == n.to_bits(),
                        "{text}"
                    );
                }
            }
        }
        assert!(usual >= 10, "{usual}");
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(accepts(&nested(MAX_DEPTH)));
        assert!(!accepts(&nested(MAX_DEPTH + 1)));
        assert!(!accepts(&"[".repeat(1_000_000)));
    }

    #[test]
    fn broken_input_matters_only_where_it_is_read() {
        let reads = |text| Reader::new(text, true).root(&Skip).is_ok();
        assert!(reads("[1]"));
        assert!(reads("1 "));
        assert!(!reads("1"));
        assert!(!reads("[1"));
        assert!(!reads("true"));
        assert!(!reads(""));
    }

    #[test]
    fn errors_say_where() {
        let text = "{\n \"a\":x}";
        let error = Reader::new(text, false).root(&Skip).unwrap_err();
        assert_eq!(
            error.describe(text),
            "not valid JSON at line 2, column 6: a value was expected, but there is 'x'"
        );
    }
}
