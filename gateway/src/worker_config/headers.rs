//! `response.http.headers.config`: headers that every answer of an endpoint gets.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The actions there are, as Kafka Connect's message lists them.
const ACTIONS: [&str; 4] = ["set", "add", "setDate", "addDate"];

/// What to do to the headers of each answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    adds: bool,
    name: HeaderName,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Text(HeaderValue),
    /// The time of the answer, so many milliseconds later (or earlier).
    Date(i64),
}

impl HeaderRules {
    /// Reads `action name:value` rules, separated by commas, a rule with a comma in double
    /// quotes. The error is Kafka Connect's sentence where it has one.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rules = csv_split(text);
        for rule in &rules {
            validate(rule)?;
        }
        let rules: Result<Vec<_>, _> = rules.iter().map(|rule| parse_rule(rule)).collect();
        Ok(Self { rules: rules? })
    }

    /// Does it. What an endpoint says of its own body is kept.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for rule in &self.rules {
            let of_body = rule.name == header::CONTENT_LENGTH
                || rule.name == header::TRANSFER_ENCODING
                || (rule.name == header::CONTENT_TYPE && headers.contains_key(&rule.name));
            if of_body {
                continue;
            }
            let Some(value) = rule.value.now() else { continue };
            if rule.adds {
                headers.append(rule.name.clone(), value);
            } else {
                headers.insert(rule.name.clone(), value);
            }
        }
    }
}

impl Value {
    fn now(&self) -> Option<HeaderValue> {
        match self {
            Self::Text(value) => Some(value.clone()),
            Self::Date(offset_ms) => {
                let offset = Duration::from_millis(offset_ms.unsigned_abs());
                let now = SystemTime::now();
                let then =
                    if *offset_ms < 0 { now.checked_sub(offset) } else { now.checked_add(offset) };
                let then =
                    then.filter(|then| *then < latest_date() && *then > SystemTime::UNIX_EPOCH);
                HeaderValue::from_str(&httpdate::fmt_http_date(then?)).ok()
            }
        }
    }
}

/// A date of HTTP has four digits of the year.
fn latest_date() -> SystemTime {
    const SECONDS_UNTIL_10000: u64 = 253_402_300_800;
    SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS_UNTIL_10000)
}

/// Splits at commas as Kafka Connect's server does: blanks around an entry are dropped, an
/// entry in double quotes may hold commas, a comma at the end adds nothing.
pub(super) fn csv_split(text: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut entry = String::new();
        match chars.next() {
            None => return entries,
            Some(',') => {}
            Some('"') => {
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => entry.extend(chars.next()),
                        c => entry.push(c),
                    }
                }
                // What stands behind the closing quote is no part of the entry.
                while chars.next().is_some_and(|c| c != ',') {}
            }
            Some(first) => {
                entry.push(first);
                while let Some(c) = chars.next_if(|c| *c != ',') {
                    entry.push(c);
                }
                chars.next();
                entry.truncate(entry.trim_end().len());
            }
        }
        entries.push(entry);
    }
}

/// Kafka Connect's checks, with its words.
fn validate(rule: &str) -> Result<(), String> {
    let Some((action, header)) = rule.trim().split_once(char::is_whitespace) else {
        return Err(format!(
            "Invalid format of header config '{rule}'. Expected: '[action] [header name]:[header value]'"
        ));
    };
    if !ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action)) {
        return Err(format!(
            "Invalid header config action: '{action}'. Expected one of [{}]",
            ACTIONS.join(", ")
        ));
    }
    let header = header.trim_start();
    // Java's split leaves empty parts at the end out.
    let parts = header.trim_end().trim_end_matches(':').split(':').count();
    if parts != 2 {
        return Err(format!(
            "Invalid format of header name and header value pair '{header}'. Expected: '[header name]:[header value]'"
        ));
    }
    let name = header.split(':').next().unwrap_or_default().trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!(
            "Invalid header name '{name}'. The '[header name]' cannot contain whitespace"
        ));
    }
    Ok(())
}

fn parse_rule(rule: &str) -> Result<Rule, String> {
    let (action, header) = rule.trim().split_once(char::is_whitespace).unwrap_or((rule, ""));
    let (name, value) = header.split_once(':').unwrap_or((header, ""));
    let (name, value) = (name.trim(), value.trim());
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("'{name}' cannot be a header's name; write letters, digits and -"))?;
    // Kafka Connect takes an action in any case of letters, and then looks at these of it.
    let (adds, is_date) = (action.starts_with("add"), action.ends_with("Date"));
    let value = if is_date {
        Value::Date(value.parse().map_err(|_| {
            format!(
                "'{value}' is no number; write the milliseconds from now on: {action} {name}:5000"
            )
        })?)
    } else {
        Value::Text(
            HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("'{value}' cannot stand in a header"))?,
        )
    };
    Ok(Rule { adds, name, value })
}
