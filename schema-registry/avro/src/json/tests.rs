use super::*;

fn written(text: &str) -> String {
    let (value, rest) = read(text).unwrap();
    assert_eq!(rest, "", "{text}");
    value.unwrap().to_string()
}

fn error(text: &str) -> String {
    let InvalidSchema(message) = read(text).unwrap_err();
    message
        .replace("com.fasterxml.jackson.core.", "")
        .replace("Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); ", "")
}

#[test]
fn values_with_comments() {
    let text =
        "/* a */ { \"a\" : [1, -0, 1e3, 0.10, true] // b\r\n, \"b\":null,\"a\":\"\\u0041\\n\"}";
    assert_eq!(written(text), r#"{"a":"A\n","b":null}"#);
    assert_eq!(written("[1,-0,1e3,0.10,12345678901234567890,1e400]").as_str(), {
        r#"[1,0,1000.0,0.1,12345678901234567890,"Infinity"]"#
    });
    assert_eq!(written(r#""\ud83d\ude00\ud83dx""#), "\"\u{1f600}\u{fffd}x\"");
}

#[test]
fn what_follows_the_first_value() {
    assert_eq!(read(r#""int"  x "#).unwrap(), (Some(Node::Text("int".to_owned())), "x"));
    assert_eq!(read(" // nothing").unwrap(), (None, ""));
}

#[test]
fn errors_in_the_words_of_jackson() {
    let values = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
    for (text, expected) in [
        (
            "{",
            "io.JsonEOFException: Unexpected end-of-input: expected close marker for Object \
             (start marker at [line: 1, column: 1])\n at [line: 1, column: 2]",
        ),
        (
            "string",
            &format!(
                "JsonParseException: Unrecognized token 'string': was expecting {values}\n at \
                 [line: 1, column: 7]"
            ),
        ),
        (
            "{\n\"a\" 1}",
            "JsonParseException: Unexpected character ('1' (code 49)): was expecting a colon to \
             separate field name and value\n at [line: 2, column: 5]",
        ),
        (
            "{\"a\":1,}",
            "JsonParseException: Unexpected character ('}' (code 125)): was expecting \
             double-quote to start field name\n at [line: 1, column: 8]",
        ),
        (
            "[1 2]",
            "JsonParseException: Unexpected character ('2' (code 50)): was expecting comma to \
             separate Array entries\n at [line: 1, column: 4]",
        ),
        (
            "[1}",
            "JsonParseException: Unexpected close marker '}': expected ']' (for Array starting at \
             [line: 1, column: 1])\n at [line: 1, column: 3]",
        ),
        (
            "[01]",
            "JsonParseException: Invalid numeric value: Leading zeroes not allowed\n at [line: \
             1, column: 3]",
        ),
        (
            "\"a",
            "io.JsonEOFException: Unexpected end-of-input: was expecting closing quote for a \
             string value\n at [line: 1, column: 3]",
        ),
        (
            "\"\\x\"",
            "JsonParseException: Unrecognized character escape 'x' (code 120)\n at [line: 1, \
             column: 3]",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn depth_is_limited() {
    assert!(read(&format!("{}{}", "[".repeat(500), "]".repeat(500))).is_ok());
    assert_eq!(depth(r#"[{"[\\\"[":[]},[1]]"#), 3);
    let message = error(&"[".repeat(100_000));
    assert!(message.starts_with("exc.StreamConstraintsException: Document nesting depth (501)"));
}
