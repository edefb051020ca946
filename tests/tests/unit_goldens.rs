//! Answers of the data model, converters and transformations against those that Kafka Connect
//! gave to the same cases.
//!
//! `GANTRY_GOLDEN_FILTER=smt/Cast cargo test -p gantry-tests --test unit_goldens -- --nocapture`
//! runs and shows a part: the text is looked for in `file/Class` and in the case's id.

use std::path::Path;

use gantry_tests::unit::{Report, Tally, replay};

/// Classes that do not give every recorded answer yet, and how many they must give at least:
/// raise the number when more pass, never lower it. All other classes must give all, messages
/// included.
const GAPS: &[(&str, usize)] = &[];

/// How many cases there are at least: none may get lost.
const CASES: usize = 3599;

/// How many failures are shown.
const SHOWN: usize = 20;

#[test]
fn recorded_answers_are_given() {
    let filter = std::env::var_os("GANTRY_GOLDEN_FILTER").map(|f| f.to_string_lossy().into_owned());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/data/unit");
    let report = replay(&folder, filter.as_deref()).unwrap();
    for failure in report.failures.iter().take(SHOWN) {
        println!("{failure}");
    }
    println!("{report}");
    assert!(!report.classes.is_empty(), "no case matches the filter");
    let broken = shortfalls(&report, filter.is_some());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Classes that pass less than they must. A class that is not built passes nothing.
fn shortfalls(report: &Report, filtered: bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut total = 0;
    for (class, tally) in &report.classes {
        total += tally.total;
        let gap = GAPS.iter().find(|(name, _)| name == class).map(|(_, floor)| *floor);
        let least = gap.filter(|_| !filtered).unwrap_or(tally.total);
        if tally.passed < least {
            let Tally { passed, awaits, total, .. } = tally;
            out.push(format!(
                "{class}: {passed} of {total} passed, at least {least} must ({awaits} have no class)"
            ));
        }
    }
    if !filtered && total < CASES {
        out.push(format!("{total} cases, there were {CASES}"));
    }
    out
}
