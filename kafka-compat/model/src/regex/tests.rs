use proptest::prelude::*;

use super::*;

#[test]
fn matches_are_whole() {
    let pattern = JavaPattern::compile("a|ab").unwrap();
    assert!(pattern.matches("ab") && !pattern.matches("abc") && pattern.is_found("xaby"));
    let backwards = JavaPattern::compile(r"(\w+)-\1").unwrap();
    assert!(backwards.matches("ab-ab") && !backwards.matches("ab-ac"));
    assert!(JavaPattern::compile("[").is_err());
    let group = |number| backwards.group("x ab-ab ac-ac", number);
    assert_eq!((group(0), group(1)), (Some("ab-ab".to_owned()), Some("ab".to_owned())));
    assert_eq!((group(2), backwards.group("x", 0)), (None, None));
}

#[test]
fn classes_are_ascii() {
    for (pattern, yes, no) in [
        (r"\d", "7", "\u{661}"),
        (r"[\d.]+", "1.2", "\u{661}"),
        (r"\w", "a", "\u{e9}"),
        (r"[^\W_]", "a", "_"),
        (r"\s", " ", "\u{a0}"),
        (r"\h", "\u{a0}", "f"),
        (r"\p{Alpha}+", "ab", "\u{e9}"),
        (r"\p{IsAlphabetic}", "\u{e9}", "1"),
        (".", "a", "\r"),
        (r"(?s).", "\n", ""),
        (r"\Qa.b\E+", "a.bb", "axb"),
        (r"\u0041\x42\0103", "ABC", "abc"),
        (r"a{2}[a-z&&[^b]]", "aac", "aab"),
        (r"x*+y", "xxy", "xx"),
    ] {
        let compiled = JavaPattern::compile(pattern).unwrap();
        assert!(compiled.matches(yes), "{pattern} on {yes}");
        assert!(!compiled.matches(no), "{pattern} on {no}");
    }
}

#[test]
fn replacements_name_groups() {
    let pattern = JavaPattern::compile("(?<a>x)(y)?").unwrap();
    let replace = |with: &str| pattern.replace_first("-x-x-", with);
    assert_eq!(replace("[$1]").unwrap(), "-[x]-x-");
    assert_eq!(replace("${a}$10$2").unwrap(), "-xx0-x-");
    assert_eq!(replace(r"\$1\\").unwrap(), r"-$1\-x-");
    for bad in ["$", "$x", "$3", "${b}", "${", "${1a}", r"\"] {
        assert!(replace(bad).is_err(), "{bad}");
    }
    assert_eq!(pattern.replace_first("none", "$9").unwrap(), "none");
}

#[test]
fn characters_as_people_see_them() {
    let one = JavaPattern::compile(r"\X").unwrap();
    for text in [
        "\r\n",
        "a",
        "e\u{301}",
        "\u{1F1E9}\u{1F1EA}",
        "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
        "\u{1F44D}\u{1F3FD}",
        "\u{1112}\u{1161}\u{11AB}",
        "\u{301}",
    ] {
        assert!(one.matches(text), "{text:?}");
    }
    for text in ["", "ab", "\n\r", "\u{1F1E9}\u{1F1EA}\u{1F1EB}", "a\u{200D}b"] {
        assert!(!one.matches(text), "{text:?}");
    }
    assert!(JavaPattern::compile(r"(?<=(\X)+)a").is_err());
}

#[test]
fn flags_and_places_are_javas() {
    for (pattern, yes, no) in [
        ("(?i)a\u{e9}", "A\u{e9}", "a\u{c9}"),
        ("(?iu)\u{e9}", "\u{c9}", "e"),
        ("(?i)[b-d]", "C", "a"),
        ("(?s).", "\n", ""),
        ("(?d).", "\r", "\n"),
        ("(?x) a # all\n b", "ab", "a b"),
        ("(?m)(?:^a$\n?)+", "a\na", "a\n\na"),
        ("a$\n", "a\n", "a"),
        ("(?:a(?=b)|b){2}", "ab", "ba"),
        ("(?<=a*)b", "b", "a"),
        ("(a)|b\\1", "a", "b"),
        ("a{0}b", "b", "ab"),
        ("(?:(x){0}y)\\1?", "y", "yx"),
        ("[a-z&&[^aeiou]&&[a-m]]", "b", "e"),
        ("[^a[b]]", "c", "b"),
        ("\\p{InGreek}", "\u{3b1}", "a"),
        ("\\p{script=Greek}", "\u{3b1}", "a"),
    ] {
        let compiled = JavaPattern::compile(pattern).unwrap();
        assert!(compiled.matches(yes), "{pattern} on {yes}");
        assert!(!compiled.matches(no), "{pattern} on {no}");
    }
}

#[test]
fn a_pattern_of_endless_looks_is_refused() {
    assert!(JavaPattern::compile(&"(?!a)".repeat(SPECIAL_GROUPS_MAX / 2)).is_ok());
    let error = JavaPattern::compile(&"(?!a)".repeat(SPECIAL_GROUPS_MAX + 1)).unwrap_err();
    assert!(error.message().starts_with("Pattern is too large"), "{error}");
    let names: Vec<String> = (0..5000).map(|n| format!("topic-{n}")).collect();
    assert!(JavaPattern::compile(&names.join("|")).unwrap().matches("topic-4999"));
}

#[test]
fn all_matches_are_replaced_as_java_finds_them() {
    for (pattern, text, with, expected) in [
        ("a", "banana", "<$0>", "b<a>n<a>n<a>"),
        ("an", "banana", "", "ba"),
        ("x*", "axb", "-", "-a--b-"),
        ("x*", "\u{e9}x", "-", "-\u{e9}--"),
        ("^", "ab", ">", ">ab"),
        ("(?<=a)", "aab", "|", "a|a|b"),
        ("b", "", "-", ""),
        ("$", "ab", "!", "ab!"),
        ("(.)(.)", "abcde", "$2$1", "badce"),
    ] {
        let compiled = JavaPattern::compile(pattern).unwrap();
        assert_eq!(compiled.replace_all(text, with).unwrap(), expected, "{pattern} in {text}");
    }
    assert!(JavaPattern::compile("a").unwrap().replace_all("a", "$1").is_err());
}

#[test]
fn unix_lines_end_at_line_feeds_only() {
    for (pattern, text, found) in
        [("(?d)a.", "a\r", true), ("(?d)a.", "a\n", false), ("a.", "a\r", false)]
    {
        assert_eq!(JavaPattern::compile(pattern).unwrap().matches(text), found, "{pattern}");
    }
}

proptest! {
    #[test]
    fn any_pattern_is_read(
        pattern in r"[()\[\]{}*+?|^$.\\a-dkpxuQEN0-9,<>=!:&#\- ]{0,24}",
        text in ".{0,12}",
    ) {
        if let Ok(compiled) = JavaPattern::compile(&pattern) {
            let _ = compiled.matches(&text);
            let _ = compiled.replace_first(&text, &pattern);
        }
    }

    #[test]
    fn any_text_is_read(pattern in ".{0,12}") {
        let _ = JavaPattern::compile(&pattern);
    }
}
