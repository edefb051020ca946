//! The text of a schema: read, and written as Jackson writes it.

use gantry_schema_model::Node;

/// How deep arrays and objects may be nested. What reads, compares and writes schemas follows the
/// nesting, on a stack that ends somewhere.
pub(crate) const DEPTH_MAX: usize = 200;
/// How long a number may be. Jackson's limit.
const NUMBER_LENGTH_MAX: usize = 1000;

/// Reads the first JSON value of a text, as Jackson does: what stands behind it plays no part.
/// Numbers come in Java's notation.
pub(crate) fn read(text: &str) -> Result<Node, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => (),
        Some(Err(error)) => return Err(error.to_string()),
        None => return Err("there is no JSON value".to_owned()),
    }
    let first = text.get(..values.byte_offset()).unwrap_or(text);
    check_depth(first)?;
    let mut node = Node::parse(first)?;
    in_javas_notation(&mut node)?;
    Ok(node)
}

/// Refuses a text that is nested too deep, before anything follows the nesting.
fn check_depth(text: &str) -> Result<(), String> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("it is nested more than {DEPTH_MAX} levels deep"));
                }
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => (),
        }
    }
    Ok(())
}

fn in_javas_notation(node: &mut Node) -> Result<(), String> {
    match node {
        Node::Number(number) => *number = javas_number(number)?,
        Node::List(items) => items.iter_mut().try_for_each(in_javas_notation)?,
        Node::Map(map) => map.iter_mut().try_for_each(|(_, value)| in_javas_notation(value))?,
        Node::Null | Node::Bool(_) | Node::Text(_) => (),
    }
    Ok(())
}

/// A JSON number as `BigInteger.toString` or, if it has a fraction or an exponent,
/// `BigDecimal.toString` writes it.
fn javas_number(text: &str) -> Result<String, String> {
    if text.len() > NUMBER_LENGTH_MAX {
        return Err(format!("a number has more than {NUMBER_LENGTH_MAX} digits"));
    }
    if !is_decimal(text) {
        return Ok(if text == "-0" { "0" } else { text }.to_owned());
    }
    let decimal = Decimal::parse(text).ok_or_else(|| format!("{text} is too large a number"))?;
    Ok(decimal.to_string())
}

/// Whether Java reads a number as `BigDecimal`, not as one of the integer types.
pub(crate) fn is_decimal(number: &str) -> bool {
    number.contains(['.', 'e', 'E'])
}

/// A decimal number with its scale, as `BigDecimal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Without leading zeros; `0` for zero.
    digits: String,
    /// How many of the digits stand behind the point; below zero, how many zeros follow them.
    scale: i64,
}

impl Decimal {
    /// `None` if the exponent does not fit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => {
                (number, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i32>().ok()?)
            }
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
        i32::try_from(scale).ok()?;
        let zero = digits.is_empty();
        Some(Self {
            negative: negative && !zero,
            digits: if zero { "0" } else { digits }.to_owned(),
            scale,
        })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let count = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let exponent = count - 1 - self.scale;
        if self.scale == 0 {
            return f.write_str(&self.digits);
        }
        if self.scale > 0 && exponent >= -6 {
            let behind = usize::try_from(self.scale).unwrap_or(0);
            let padded = format!("{:0>width$}", self.digits, width = behind + 1);
            let (whole, fraction) =
                padded.split_at_checked(padded.len() - behind).unwrap_or((&padded, ""));
            return write!(f, "{whole}.{fraction}");
        }
        let (first, rest) = self.digits.split_at_checked(1).unwrap_or((&self.digits, ""));
        f.write_str(first)?;
        if !rest.is_empty() {
            write!(f, ".{rest}")?;
        }
        if exponent != 0 { write!(f, "E{exponent:+}") } else { Ok(()) }
    }
}

/// The same value with all objects in the order of Java's `TreeMap`. Values that are equal in Java
/// come out the same: numbers differ if their class or their scale does.
pub(crate) fn sorted(node: &Node) -> Node {
    match node {
        Node::List(items) => Node::List(items.iter().map(sorted).collect()),
        Node::Map(map) => {
            let mut map: Vec<_> =
                map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            map.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            Node::Map(map)
        }
        plain => plain.clone(),
    }
}

/// The text of a value as `JsonNode.asText` gives it.
pub(crate) fn as_text(node: &Node) -> String {
    match node {
        Node::Text(text) => text.clone(),
        Node::List(_) | Node::Map(_) => String::new(),
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_javas_notation() {
        for (text, written) in [
            ("1", "1"),
            ("-0", "0"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1.0", "1.0"),
            ("-0.0", "0.0"),
            ("-1.50", "-1.50"),
            ("1e3", "1E+3"),
            ("1.5e3", "1.5E+3"),
            ("1.50e1", "15.0"),
            ("1e-2", "0.01"),
            ("1E-8", "1E-8"),
            ("0.000001", "0.000001"),
            ("0.00000012", "1.2E-7"),
            ("12.5e-10", "1.25E-9"),
            ("0e0", "0"),
            ("0e5", "0E+5"),
            ("0.00", "0.00"),
            ("1e0", "1"),
        ] {
            assert_eq!(javas_number(text).unwrap(), written, "{text}");
        }
        assert!(javas_number("1e99999999999").is_err());
        assert!(javas_number(&"1".repeat(1001)).is_err());
    }

    #[test]
    fn only_the_first_value_counts() {
        assert_eq!(read(" {\"a\": 1.0} x").unwrap().to_string(), r#"{"a":1.0}"#);
        assert_eq!(read("true false").unwrap(), Node::Bool(true));
        for text in ["", " ", "{", "nul", "{'a':1}"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(DEPTH_MAX)).is_ok());
        assert!(read(&deep(DEPTH_MAX + 1)).is_err());
        assert!(read(&deep(500_000)).is_err());
        assert!(read(&format!("[\"{}\\\"{}\"]", "[".repeat(900), "{".repeat(900))).is_ok());
    }

    #[test]
    fn javas_order() {
        let node = read(r#"{"b":[{"z":1,"y":2}],"a":{"d":null,"c":"x"}}"#).unwrap();
        assert_eq!(sorted(&node).to_string(), r#"{"a":{"c":"x","d":null},"b":[{"y":2,"z":1}]}"#);
    }
}
