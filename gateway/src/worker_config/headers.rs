//! Headers that every REST answer gets: `access.control.*` and `response.http.headers.config`.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// What to do to the headers of each answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderRules {
    rules: Vec<(Action, HeaderName, HeaderValue)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Set,
    Add,
}

impl HeaderRules {
    /// Adds `[set|add] name:value` rules, comma-separated, a rule in double quotes if it holds
    /// a comma. The error names the rule.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for rule in split_rules(text) {
            rules.push(parse_rule(&rule)?);
        }
        Ok(Self { rules })
    }

    /// Sets one header in every answer.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) -> Result<(), String> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("{value} cannot be the value of a header"))?;
        self.rules.push((Action::Set, HeaderName::from_static(name), value));
        Ok(())
    }

    /// Does it.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (action, name, value) in &self.rules {
            match action {
                Action::Set => {
                    headers.insert(name.clone(), value.clone());
                }
                Action::Add => {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
    }
}

fn split_rules(text: &str) -> Vec<String> {
    let mut rules = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => rules.push(String::new()),
            _ => {
                if let Some(rule) = rules.last_mut() {
                    rule.push(c);
                }
            }
        }
    }
    rules.retain(|rule| !rule.trim().is_empty());
    rules
}

fn parse_rule(rule: &str) -> Result<(Action, HeaderName, HeaderValue), String> {
    let rule = rule.trim();
    let wanted = "write a rule as `set name:value` or `add name:value`";
    let Some((action, header)) = rule.split_once(char::is_whitespace) else {
        return Err(format!("the rule `{rule}` has no action; {wanted}"));
    };
    let action = match action.to_ascii_lowercase().as_str() {
        "set" => Action::Set,
        "add" => Action::Add,
        "setdate" | "adddate" => {
            return Err(format!("the rule `{rule}`: dates are not supported; {wanted}"));
        }
        _ => return Err(format!("the rule `{rule}` has an unknown action; {wanted}")),
    };
    let Some((name, value)) = header.split_once(':') else {
        return Err(format!("the rule `{rule}` has no colon; {wanted}"));
    };
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| format!("the rule `{rule}`: {} cannot be a header's name", name.trim()))?;
    let value = HeaderValue::from_str(value.trim())
        .map_err(|_| format!("the rule `{rule}`: its value cannot stand in a header"))?;
    Ok((action, name, value))
}
