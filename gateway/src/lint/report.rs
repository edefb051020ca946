//! Findings of one file.

use serde::Serialize;

use super::document::{Document, Place};
use super::rule::{Level, Rule};

/// Findings of one file: nobody reads more.
const FINDINGS_MAX: usize = 1_000;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The rule's code.
    pub(crate) code: &'static str,
    pub(crate) level: Level,
    /// The line, from 1; none for what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// The key that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// All that was found in one file.
#[derive(Debug, Serialize)]
pub(crate) struct FileReport {
    /// The file as it was named.
    pub(crate) file: String,
    /// `connector`, `worker`, or `unknown` where it cannot be read.
    pub(crate) kind: &'static str,
    /// In the order of the file.
    pub(crate) findings: Vec<Finding>,
}

impl FileReport {
    /// How many findings there are of a level.
    pub(crate) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding about a key of the document, at the key's place.
    pub(super) fn about(
        &mut self,
        document: &Document,
        rule: &'static Rule,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.at(rule, document.place(key), Some(key), message, remedy);
    }

    /// Adds a finding at a place.
    pub(super) fn at(
        &mut self,
        rule: &'static Rule,
        place: Option<Place>,
        key: Option<&str>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let finding = Finding {
            code: rule.code,
            level: rule.level,
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            key: key.map(str::to_owned),
            message: message.into(),
            remedy: remedy.into(),
        };
        if self.findings.len() < FINDINGS_MAX && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Whether a rule has found something about a key.
    pub(super) fn has(&self, rule: &Rule, key: &str) -> bool {
        let about = |finding: &Finding| finding.key.as_deref() == Some(key);
        self.findings.iter().any(|finding| finding.code == rule.code && about(finding))
    }

    /// All findings in the order of the file; what has no place comes first.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by(|a, b| {
            (a.line, a.column, a.level, a.code).cmp(&(b.line, b.column, b.level, b.code))
        });
        self.findings
    }
}
