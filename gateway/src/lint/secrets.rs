//! Secrets that stand in the file. Their values are never told.

use super::document::Document;
use super::report::Report;
use super::rule::{Base, Level, Rule};

const IN_CLEAR: Rule = Rule {
    code: "GL701",
    level: Level::Warning,
    title: "Secret in clear text",
    explanation: "The key holds a password, token or private key, by its definition or by its \
        name, or the value is a URL with a password inside. Whoever sees the file, the REST API's \
        `GET /connectors/NAME/config` or a backup has it. A config provider keeps it elsewhere: \
        `config.providers=file` and its class in the worker file, and \
        `${file:/path/secrets.properties:password}` here.",
    base: Base::Properties,
    bad: "name=example\nconnector.class=com.example.DatabaseConnector\n\
          database.password=opensesame\n",
    good: "name=example\nconnector.class=com.example.DatabaseConnector\n\
           database.password=${file:/etc/gantry/secrets.properties:database}\n",
};

pub(super) const RULES: &[&Rule] = &[&IN_CLEAR];

/// Words that name secrets where they are the last words of a key.
const SECRET_WORDS: &[&[&str]] = &[
    &["password"],
    &["passwd"],
    &["passphrase"],
    &["pwd"],
    &["secret"],
    &["token"],
    &["credential"],
    &["credentials"],
    &["apikey"],
    &["api", "key"],
    &["access", "key"],
    &["account", "key"],
    &["master", "key"],
    &["private", "key"],
    &["secret", "key"],
    &["keystore", "key"],
    &["connection", "string"],
    &["user", "info"],
    &["jaas", "config"],
];

pub(super) fn check(document: &Document, is_password: impl Fn(&str) -> bool, report: &mut Report) {
    let entries = document.entries.iter().map(|e| (&e.key, &e.key, &e.value, e.place));
    let inner = document.inner.iter().map(|i| (&i.key, &i.path, &i.value, i.place));
    for (key, path, value, place) in entries.chain(inner) {
        let why = if is_password(key) {
            "holds a secret"
        } else if looks_secret(path) {
            "looks like a secret by its name"
        } else if holds_password(value) {
            "holds a URL with a password"
        } else {
            continue;
        };
        if is_literal(path, value) {
            let text = format!("{path} {why} and stands here in clear text");
            let remedy = "write ${file:PATH:KEY}, with a config provider in the worker file";
            report.at(&IN_CLEAR, Some(place), Some(path), text, remedy);
        }
    }
}

fn is_literal(key: &str, value: &str) -> bool {
    let value = value.trim();
    // A flag about secrets is none, and a number of tokens neither; a password may be a number.
    let is_flag = ["", "true", "false", "null"].contains(&value);
    let counts = words(key).last().is_some_and(|word| word == "token");
    let is_count = counts && value.parse::<f64>().is_ok();
    !(is_flag || is_count || value.contains("${"))
}

/// Whether the last words of a key name a secret: `ssl.key.password`, `db_password`, `apiToken`.
fn looks_secret(key: &str) -> bool {
    let words = words(key);
    SECRET_WORDS.iter().any(|secret| {
        words.len() >= secret.len()
            && words.iter().rev().zip(secret.iter().rev()).all(|(word, secret)| word == secret)
    })
}

fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in key.chars() {
        let begins = c.is_uppercase() && was_lower;
        if !c.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a URL has a password: `scheme://user:password@host`, or `…password=…` behind `?`, `&`
/// or `;`.
fn holds_password(value: &str) -> bool {
    // What is inside of a text that is JSON is looked at by itself.
    if value.trim_start().starts_with('{') {
        return false;
    }
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', ';']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user).unwrap_or_default();
    let in_user = user.split_once(':').is_some_and(|(_, password)| !password.is_empty());
    let parameters = rest.split(['?', '&', ';']).skip(1);
    let in_parameters = parameters.filter_map(|p| p.split_once('=')).any(|(name, value)| {
        let name = name.trim().to_ascii_lowercase();
        ["password", "pwd"].contains(&name.as_str()) && !value.is_empty()
    });
    in_user || in_parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for key in [
            "database.password",
            "db_password",
            "dbPassword",
            "auth-token",
            "aws.secret.access.key",
            "sasl.jaas.config",
            "ssl.keystore.key",
            "apiKey",
        ] {
            assert!(looks_secret(key), "{key}");
        }
        for key in [
            "key.converter",
            "tokens.per.second",
            "password.encryption",
            "topics",
            "message.key",
            "token.refresh.ms",
        ] {
            assert!(!looks_secret(key), "{key}");
        }
    }

    #[test]
    fn a_definition_knows_better_than_a_name() {
        let mut report = Report::default();
        let document = Document::read(b"pin=12\nflag.password=true\nburst.token=99\n", &mut report);
        check(&document.unwrap(), |key| key == "pin", &mut report);
        let found: Vec<_> = report.finish().into_iter().map(|finding| finding.key).collect();
        assert_eq!(found, [Some("pin".to_owned())]);
    }

    #[test]
    fn urls_with_passwords() {
        for url in [
            "mongodb://u:p@h:1/d",
            "jdbc:mysql://h/d?user=u&password=p",
            "jdbc:sqlserver://h;user=u;Password=p",
        ] {
            assert!(holds_password(url), "{url}");
        }
        for text in ["jdbc:mysql://h:3306/d", "http://u@h/", "a:b@c", "jdbc:mysql://h/?password="] {
            assert!(!holds_password(text), "{text}");
        }
    }
}
