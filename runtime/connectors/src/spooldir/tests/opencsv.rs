//! What opencsv itself made of texts (scripts/java/OpencsvCases.java), and rows that come back.

use gantry_converters::Charset;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::input;
use crate::spooldir::fault::Fault;
use crate::spooldir::format::csv::{Csv, NullFields, Rows, Signs};
use crate::spooldir::input::Packing;
use crate::spooldir::lines::Text;

fn csv(signs: Signs, is_rfc4180: bool) -> Csv {
    let text =
        Text { charset: Charset::Utf8, keeps_returns: false, bytes_max: 1 << 20, buffer_bytes: 7 };
    Csv { skip_lines: 0, has_header: false, is_rfc4180, signs, text }
}

fn signs(case: &Json) -> Signs {
    let sign = |name: &str| case[name].as_str().unwrap().chars().next().unwrap();
    Signs {
        separator: sign("separator"),
        quote: sign("quote"),
        escape: sign("escape"),
        strict_quotes: case["strict"] == true,
        ignores_leading_blanks: case["blanks"] == true,
        ignores_quotations: case["ignores"] == true,
        nulls: NullFields::parse(case["nulls"].as_str().unwrap()),
    }
}

/// Rows with the number of lines up to each, as the recorded cases have them.
fn rows(text: &str, csv: &Csv, step: usize) -> (Vec<Json>, Option<Fault>) {
    let mut rows = Rows::new(input(text.as_bytes(), step, Packing::Plain), csv).unwrap();
    let mut all = Vec::new();
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => (0..row.len()).map(|at| json!(row.get(at))).collect::<Vec<_>>(),
            Ok(None) => return (all, None),
            Err(fault) => return (all, Some(fault)),
        };
        all.push(Json::from([vec![json!(rows.line())], row].concat()));
    }
}

#[test]
fn texts_are_divided_as_opencsv_divides_them() {
    let mut count = 0;
    for line in include_str!("opencsv.jsonl").lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let csv = csv(signs(&case), case["rfc"] == true);
        for step in [1, 3, 100] {
            let (rows, fault) = rows(case["text"].as_str().unwrap(), &csv, step);
            assert_eq!(Json::from(rows), case["rows"], "{line}");
            assert_eq!(fault.is_some(), case["fails"] == true, "{line}: {fault:?}");
        }
        count += 1;
    }
    assert_eq!(count, 800);
}

fn default_signs() -> Signs {
    Signs {
        separator: ',',
        quote: '"',
        escape: '\\',
        strict_quotes: false,
        ignores_leading_blanks: true,
        ignores_quotations: false,
        nulls: NullFields::Neither,
    }
}

#[test]
fn a_quote_that_is_missing_names_its_line() {
    let (rows, fault) = rows("a,b\nc,\"d\ne\n", &csv(default_signs(), false), 100);
    assert_eq!(rows, [json!([1, "a", "b"])]);
    assert_eq!(
        fault.unwrap().to_string(),
        "line 2: Unterminated quoted field at end of CSV line. Beginning of lost text: [d\ne\n]"
    );
    let mut csv = csv(default_signs(), false);
    csv.text.bytes_max = 10;
    let (_, fault) = super::opencsv::rows("x\n\"aaaaaa\nbbbbbbb\nccccc\n", &csv, 3);
    let text = fault.unwrap().to_string();
    assert!(
        text.starts_with("line 2: a quoted field is longer than gantry.record.max.bytes=10"),
        "{text}"
    );
    let (_, fault) = super::opencsv::rows("x\naaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", &csv, 3);
    let text = fault.unwrap().to_string();
    assert!(
        text.starts_with("line 2: the line is longer than gantry.record.max.bytes=10"),
        "{text}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rows_come_back(
        table in prop::collection::vec(prop::collection::vec("[a-c,\"\n é]{0,6}", 1..4), 1..5),
        step in 1usize..20,
        is_rfc in any::<bool>(),
    ) {
        let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n";
        let text: String = table.iter().map(line).collect();
        let (rows, fault) = rows(&text, &csv(default_signs(), is_rfc), step);
        prop_assert!(fault.is_none(), "{:?} {:?}", text, fault);
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.as_array().unwrap()[1..].iter().map(|f| f.as_str().unwrap().to_owned()).collect())
            .collect();
        prop_assert_eq!(rows, table);
    }
}
