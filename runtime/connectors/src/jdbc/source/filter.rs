//! Which tables are read, and which of their columns say what is new.

use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::model::regex::JavaPattern;
use gantry_api::{Error, Result};

use super::config::{BLACKLIST, EXCLUDE, INCLUDE, WHITELIST};
use crate::jdbc::db::{Quoting, TableId};
use crate::jdbc::keys::{invalid, list_of};

/// Chooses tables by their names.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    whitelist: Vec<String>,
    blacklist: Vec<String>,
    include: Vec<JavaPattern>,
    exclude: Vec<JavaPattern>,
}

impl Filter {
    pub(super) fn new(config: &ParsedConfig) -> Result<Self> {
        let compiled = |name: &str| {
            config
                .list(name)
                .iter()
                .map(|text| JavaPattern::compile(text))
                .collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            whitelist: config.list(WHITELIST).to_vec(),
            blacklist: config.list(BLACKLIST).to_vec(),
            include: compiled(INCLUDE)?,
            exclude: compiled(EXCLUDE)?,
        })
    }

    /// Whether tables are chosen at all.
    pub(super) fn is_set(&self) -> bool {
        let Self { whitelist, blacklist, include, .. } = self;
        !(whitelist.is_empty() && blacklist.is_empty() && include.is_empty())
    }

    /// Whether both lists of Kafka's old keys are there.
    pub(super) fn is_both(&self) -> bool {
        !self.whitelist.is_empty() && !self.blacklist.is_empty()
    }

    /// Whether a table is read: its name in full, in quotes or without its schema is on the white list,
    /// or not on the black one; with patterns, one that is to be included matches and none to be excluded.
    pub(super) fn takes(&self, table: &TableId, quoting: Quoting) -> bool {
        let full = table.to_string();
        if !self.include.is_empty() {
            let any =
                |patterns: &[JavaPattern]| patterns.iter().any(|pattern| pattern.matches(&full));
            return any(&self.include) && !any(&self.exclude);
        }
        let quoted = Quoting { always: true, ..quoting }.table(table);
        let is_on =
            |list: &[String]| list.iter().any(|n| *n == full || *n == quoted || *n == table.name);
        match self.whitelist.is_empty() {
            false => is_on(&self.whitelist),
            true => !is_on(&self.blacklist),
        }
    }
}

/// Columns for all tables, or by patterns of their names.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    all: Vec<String>,
    by_table: Vec<(JavaPattern, Vec<String>)>,
}

impl Mapping {
    pub(super) fn new(all: Vec<String>, mapping: &[String]) -> Result<Self> {
        let mut by_table = Vec::new();
        for item in mapping {
            let (pattern, columns) = item.split_once(':').unwrap_or((item, ""));
            let columns = columns.trim().trim_start_matches('[').trim_end_matches(']');
            let columns = columns.split('|').map(|column| column.trim().to_owned());
            by_table.push((JavaPattern::compile(pattern)?, columns.collect()));
        }
        let all = all.into_iter().filter(|column| !column.is_empty()).collect();
        Ok(Self { all, by_table })
    }

    /// The columns of a table; `what` is named where none or more than one pattern matches.
    pub(super) fn of(&self, table: &TableId, what: &str) -> Result<Vec<String>> {
        if self.by_table.is_empty() {
            return Ok(self.all.clone());
        }
        let full = table.to_string();
        let found: Vec<_> =
            self.by_table.iter().filter(|(pattern, _)| pattern.matches(&full)).collect();
        let fault = match found.as_slice() {
            [(_, columns)] => return Ok(columns.clone()),
            [] => "does not match any",
            _ => "matches more than one",
        };
        Err(Error::config(format!(
            "Error while validating {what} column mappings: Included table '{full}' {fault} of the provided regexes"
        )))
    }

    /// The columns that hold for all tables.
    pub(super) fn for_all(&self) -> &[String] {
        &self.all
    }
}

/// Whether all of a list are regular expressions.
pub(super) fn check_regexes(name: &str, value: &ConfigData) -> Result<()> {
    for text in list_of(value) {
        JavaPattern::compile(text).map_err(|error| {
            let what = "Must be a valid comma-separated list of regular expression patterns";
            invalid(name, value, &format!("{what}: {}", error.message()))
        })?;
    }
    Ok(())
}

pub(super) fn check_timestamp_mapping(name: &str, value: &ConfigData) -> Result<()> {
    for item in list_of(value) {
        let columns = pattern_of(name, value, item, "regex:[col1|col2|...]")?;
        let Some(inner) = columns.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Err(invalid(name, value, "Columns list must be enclosed in square brackets"));
        };
        if inner.trim().is_empty() {
            return Err(invalid(name, value, "Columns list cannot be empty"));
        }
        if inner.split('|').any(|column| column.trim().is_empty()) {
            return Err(invalid(name, value, "Every column name should be non-empty string"));
        }
    }
    Ok(())
}

pub(super) fn check_incrementing_mapping(name: &str, value: &ConfigData) -> Result<()> {
    for item in list_of(value) {
        if pattern_of(name, value, item, "regex:columnName")?.is_empty() {
            return Err(invalid(name, value, "Column name cannot be empty"));
        }
    }
    Ok(())
}

/// What stands behind the pattern of an item.
fn pattern_of<'a>(name: &str, value: &ConfigData, item: &'a str, form: &str) -> Result<&'a str> {
    match item.split(':').collect::<Vec<_>>()[..] {
        [pattern, columns] => {
            JavaPattern::compile(pattern).map_err(|error| {
                invalid(name, value, &format!("Invalid regular expression: {}", error.message()))
            })?;
            Ok(columns.trim())
        }
        _ => Err(invalid(name, value, &format!("Invalid format. Expected '{form}'"))),
    }
}
