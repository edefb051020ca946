//! What can be wrong with the keys of a source together, and with the database that they name.

use gantry_api::Props;
use gantry_api::model::config::{ConfigData, ConfigValue};

use super::config::{
    BLACKLIST, Config, EXCLUDE, INCLUDE, INCREMENTING, INCREMENTING_MAPPING, MODE, QUERY,
    QUERY_MASKED, TIMESTAMP, TIMESTAMP_MAPPING, WHITELIST, access,
};
use crate::jdbc::Flavour;
use crate::jdbc::keys;

const OLD: [&str; 4] = [WHITELIST, BLACKLIST, TIMESTAMP, INCREMENTING];
const NEW: [&str; 4] = [INCLUDE, EXCLUDE, TIMESTAMP_MAPPING, INCREMENTING_MAPPING];
const TABLES: [&str; 4] = [WHITELIST, BLACKLIST, INCLUDE, EXCLUDE];

struct Findings<'a>(&'a mut [ConfigValue]);

impl Findings<'_> {
    fn any(&self) -> bool {
        self.0.iter().any(|value| !value.errors.is_empty())
    }
    fn is_set(&self, name: &str) -> bool {
        self.0.iter().any(|value| {
            value.name == name
                && match &value.data {
                    ConfigData::String(text) | ConfigData::Password(text) => !text.is_empty(),
                    ConfigData::List(list) => list.iter().any(|text| !text.is_empty()),
                    _ => false,
                }
        })
    }
    fn text(&self, name: &str) -> String {
        let value = self.0.iter().find(|value| value.name == name);
        value.map_or_else(String::new, |value| match &value.data {
            ConfigData::String(text) | ConfigData::Password(text) => text.clone(),
            _ => String::new(),
        })
    }
    fn add(&mut self, name: &str, error: impl Into<String>) {
        if let Some(value) = self.0.iter_mut().find(|value| value.name == name) {
            value.errors.push(error.into());
        }
    }
    fn add_each(&mut self, names: &[&str], error: &str) {
        for name in names {
            self.add(name, error);
        }
    }
}

/// Adds what is wrong; `asks`: also what only the database knows.
pub(super) fn validate(flavour: Flavour, props: &Props, values: &mut [ConfigValue], asks: bool) {
    let mut findings = Findings(values);
    if findings.text(MODE).is_empty() {
        findings.add(MODE, "Query mode must be specified");
    }
    if findings.any() {
        return;
    }
    query(flavour, &mut findings);
    if flavour == Flavour::Confluent {
        tables(&mut findings);
    }
    if findings.any() || !asks {
        return;
    }
    database(flavour, props, &mut findings);
}

fn query(flavour: Flavour, findings: &mut Findings<'_>) {
    let (plain, masked) = (findings.is_set(QUERY), findings.is_set(QUERY_MASKED));
    if !plain && !masked {
        return;
    }
    let key = if masked { QUERY_MASKED } else { QUERY };
    if plain && masked {
        let text = "Both 'query' and 'query.masked' configs cannot be set at the same time. Please use only one of them.";
        findings.add_each(&[QUERY, QUERY_MASKED], text);
    }
    let set: Vec<&str> = TABLES.into_iter().filter(|name| findings.is_set(name)).collect();
    if !set.is_empty() {
        let text = "Do not specify table filtering configs with 'query'. Remove table.whitelist / table.blacklist / \
                    table.include.list / table.exclude.list when using query mode or 'query' when using table \
                    filtering mode.";
        findings.add_each(&set, text);
        findings.add(key, text);
    }
    let text = findings.text(key);
    if flavour == Flavour::Confluent
        && !text.trim().get(..6).is_some_and(|t| t.eq_ignore_ascii_case("select"))
    {
        findings.add(
            key,
            format!(
                "Only SELECT statements are supported for '{key}'. Please provide a statement that starts with SELECT."
            ),
        );
    }
    let mode = findings.text(MODE);
    if mode.contains("incrementing") && !findings.is_set(INCREMENTING) {
        findings.add(
            INCREMENTING,
            "'incrementing.column.name' must be provided when using mode 'incrementing' or \
             'timestamp+incrementing' with a custom query. The incrementing column cannot be auto-discovered in \
             query mode because there is no table to inspect. Note that 'incrementing.column.mapping' is not \
             applied in query mode, so 'incrementing.column.name' must be set explicitly.",
        );
    }
    if mode.contains("timestamp") && !findings.is_set(TIMESTAMP) {
        findings.add(
            TIMESTAMP,
            "'timestamp.column.name' must be provided when using mode 'timestamp' or 'timestamp+incrementing' \
             with a custom query.",
        );
    }
}

fn tables(findings: &mut Findings<'_>) {
    if findings.is_set(QUERY) || findings.is_set(QUERY_MASKED) {
        return;
    }
    let old: Vec<&str> = OLD.into_iter().filter(|name| findings.is_set(name)).collect();
    let new: Vec<&str> = NEW.into_iter().filter(|name| findings.is_set(name)).collect();
    if !old.is_empty() && !new.is_empty() {
        let text = "Cannot mix legacy and new configuration approaches. Legacy configurations (table.whitelist, \
                    table.blacklist, timestamp.column.name, incrementing.column.name) cannot be used together with \
                    new configurations (table.include.list, table.exclude.list, timestamp.columns.mapping, \
                    incrementing.column.mapping). Please choose one approach: either use all legacy configurations \
                    or all new configurations.";
        findings.add_each(&old, text);
        findings.add_each(&new, text);
        return;
    }
    if new.is_empty() {
        return;
    }
    if !findings.is_set(INCLUDE) && !findings.is_set(EXCLUDE) {
        let text = "Columns by table are for tables of table.include.list, which is not set.";
        findings.add_each(&new, text);
    } else if !findings.is_set(INCLUDE) {
        findings.add(
            EXCLUDE,
            "table.exclude.list cannot be used without table.include.list. Exclude list only applies to tables \
             that match the include list.",
        );
    }
    let mode = findings.text(MODE);
    for (word, what, key) in [
        ("timestamp", "Timestamp", TIMESTAMP_MAPPING),
        ("incrementing", "Incrementing", INCREMENTING_MAPPING),
    ] {
        let (wanted, given) = (mode.contains(word), findings.is_set(key));
        let modes = format!("'{word}' or 'timestamp+incrementing'");
        if wanted && !given {
            findings.add(
                MODE,
                format!("{what} column configuration must be provided when using mode {modes}. Provide '{key}'."),
            );
        } else if given && !wanted {
            findings.add(
                MODE,
                format!("{what} column configurations should not be provided if mode is not {modes}. Remove '{key}'."),
            );
        }
    }
}

fn database(flavour: Flavour, props: &Props, findings: &mut Findings<'_>) {
    let mut session = match keys::connected(access(flavour, props)) {
        Ok(session) => session,
        Err(error) => return findings.add(keys::URL, error),
    };
    let Ok(config) = Config::parse(flavour, props) else { return };
    let Some(query) = &config.query else { return };
    if let Err(error) = session.check(query) {
        let is_masked = findings.is_set(QUERY_MASKED);
        let key = if is_masked { QUERY_MASKED } else { QUERY };
        // The database shows parts of the query.
        let said = if is_masked { error.place() } else { format!(": {error}") };
        findings.add(
            key,
            format!(
                "The configured query is not valid and has database/connection errors. Please provide the correct \
                 query by validating the query syntax and the existing table/column names with the database being \
                 connected{said}"
            ),
        );
    }
}
