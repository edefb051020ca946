//! Reads the cases, runs them, counts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use gantry_model::Result;
use serde_json::Value as Json;

use super::compare::{Level, same};
use super::encode::encode_error;
use super::input::Input;
use super::{configs, models, plugins};

/// The counts of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Same up to the message.
    pub passed: usize,
    /// Same up to the class of an error.
    pub passed_class: usize,
    /// Of a class that is not built yet.
    pub awaits: usize,
    /// All cases.
    pub total: usize,
}

/// A case that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The class it counts for.
    pub class: String,
    /// The whole case, with the recorded result.
    pub case: Json,
    /// What came instead.
    pub actual: Json,
}

/// All counts, by `file/class`.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Counts by class.
    pub classes: BTreeMap<String, Tally>,
    /// What failed.
    pub failures: Vec<Failure>,
}

/// Replays every `.jsonl` file of a folder. Only cases are run whose class, operation or id
/// holds `filter`.
pub fn replay(folder: &Path, filter: Option<&str>) -> std::io::Result<Report> {
    let mut report = Report::default();
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    for path in files {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
        for line in std::fs::read_to_string(&path)?.lines() {
            let case: Json = serde_json::from_str(line)?;
            let class = class_of(&stem, &case);
            let id = case.get("id").and_then(Json::as_str).unwrap_or_default();
            if filter.is_none_or(|filter| class.contains(filter) || id.contains(filter)) {
                report.add(class, case, &serde_json::from_str(line)?);
            }
        }
    }
    Ok(report)
}

/// `smt/Cast`, `converter/JsonConverter`, `values/values_parse`.
fn class_of(stem: &str, case: &Json) -> String {
    let field = |key: &str| case.get(key).and_then(Json::as_str);
    let class = field("class").or_else(|| field("op")).unwrap_or_default();
    let simple = class.rsplit('.').next().unwrap_or_default();
    let simple = simple.split('$').next().unwrap_or_default();
    format!("{stem}/{simple}")
}

/// Runs one case and gives its result in the form of the records. `None`: its class is not
/// built yet.
pub fn answer(case: &Input) -> Option<Json> {
    let op = case.get("op").and_then(Input::as_str).unwrap_or_default();
    let result = models::run(op, case)
        .or_else(|| configs::run(op, case))
        .or_else(|| plugins::run(op, case))?;
    Some(result.unwrap_or_else(|error| encode_error(&error)))
}

impl Report {
    fn add(&mut self, class: String, case: Json, input: &Input) {
        let tally = self.classes.entry(class.clone()).or_default();
        tally.total += 1;
        let Some(actual) = answer(input) else {
            tally.awaits += 1;
            return;
        };
        let expected = case.get("result").unwrap_or(&Json::Null);
        tally.passed_class += usize::from(same(expected, &actual, Level::Class));
        if same(expected, &actual, Level::Message) {
            tally.passed += 1;
        } else {
            self.failures.push(Failure { class, case, actual });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sum = Tally::default();
        writeln!(f, "{:<36} {:>7} {:>7} {:>7} {:>7}", "", "message", "class", "awaits", "total")?;
        for (class, tally) in &self.classes {
            sum.passed += tally.passed;
            sum.passed_class += tally.passed_class;
            sum.awaits += tally.awaits;
            sum.total += tally.total;
            row(f, class, tally)?;
        }
        row(f, "all", &sum)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, tally: &Tally) -> fmt::Result {
    let Tally { passed, passed_class, awaits, total } = tally;
    writeln!(f, "{name:<36} {passed:>7} {passed_class:>7} {awaits:>7} {total:>7}")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut input = self.case.clone();
        let expected = input.as_object_mut().and_then(|case| case.remove("result"));
        writeln!(f, "{}", self.class)?;
        writeln!(f, "   case     {}", cut(&input))?;
        writeln!(f, "   recorded {}", cut(&expected.unwrap_or(Json::Null)))?;
        writeln!(f, "   here     {}", cut(&self.actual))
    }
}

/// How much of a case a failure shows, in characters.
const SHOWN: usize = 2000;

fn cut(json: &Json) -> String {
    json.to_string().chars().take(SHOWN).collect()
}
