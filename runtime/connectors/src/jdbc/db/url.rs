//! JDBC's URLs.

use std::collections::BTreeMap;

use gantry_api::{Error, Result};
use percent_encoding::percent_decode_str;

use super::dialect::Dialect;

/// What a URL says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) dialect: Dialect,
    /// Hosts with ports, to be tried in turn; none for a file.
    pub(crate) hosts: Vec<(String, u16)>,
    /// The database or file.
    pub(crate) database: Option<String>,
    /// Parameters behind the question mark, and properties, by their names in lower case.
    pub(crate) params: BTreeMap<String, String>,
}

/// Without parameters, which may be secret.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({:?} {:?} {:?})", self.dialect, self.hosts, self.database)
    }
}

impl Target {
    /// Reads a URL of MySQL, MariaDB, PostgreSQL or SQLite.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let not_valid = || Error::config(format!("Not a valid JDBC URL: {}", masked(url)));
        let rest = url.trim().strip_prefix("jdbc:").ok_or_else(not_valid)?;
        let (kind, rest) = rest.split_once(':').ok_or_else(not_valid)?;
        let (dialect, port) = match kind {
            "mysql" => (Dialect::MySql, 3306),
            "mariadb" => (Dialect::MariaDb, 3306),
            "postgresql" => (Dialect::PostgreSql, 5432),
            "sqlite" => return Ok(sqlite(rest)),
            _ => {
                return Err(Error::config(format!(
                    "No driver for {}: jdbc:mysql, jdbc:mariadb, jdbc:postgresql and jdbc:sqlite \
                     are built in; for other databases put the Java connector on plugin.path",
                    masked(url)
                )));
            }
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut params = parameters(query);
        let (authority, database) = match place.strip_prefix("//") {
            Some(place) => place.split_once('/').unwrap_or((place, "")),
            // PostgreSQL on this host; `/` is the database named as the user.
            None if dialect == Dialect::PostgreSql => ("", place.trim_start_matches('/')),
            None => {
                return Err(Error::config(format!(
                    "Not a valid JDBC URL: {}: it must be jdbc:{kind}://host:port/database; \
                     several hosts are divided by commas",
                    masked(url)
                )));
            }
        };
        let authority = match authority.rsplit_once('@') {
            Some((login, hosts)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                for (name, value) in [("user", user), ("password", password)] {
                    if !value.is_empty() {
                        params.entry(name.to_owned()).or_insert_with(|| decoded(value));
                    }
                }
                hosts
            }
            None => authority,
        };
        let hosts = authority.split(',').map(|host| host_port(host, port).ok_or_else(not_valid));
        Ok(Self {
            dialect,
            hosts: hosts.collect::<Result<_>>()?,
            database: Some(decoded(database)).filter(|name| !name.is_empty()),
            params,
        })
    }

    /// A parameter that says something, by its name in lower case.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a parameter is `true`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.param(name).map(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }
}

fn sqlite(rest: &str) -> Target {
    // A URI of SQLite's own keeps its parameters.
    let (file, query) = match rest.starts_with("file:") {
        true => (rest, ""),
        false => rest.split_once('?').unwrap_or((rest, "")),
    };
    let file = if file.is_empty() { ":memory:" } else { file };
    Target {
        dialect: Dialect::Sqlite,
        hosts: Vec::new(),
        database: Some(file.to_owned()),
        params: parameters(query),
    }
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name).to_ascii_lowercase(), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn host_port(text: &str, default: u16) -> Option<(String, u16)> {
    if text.is_empty() {
        return Some(("localhost".to_owned(), default));
    }
    if let Some(text) = text.strip_prefix('[') {
        let (host, rest) = text.split_once(']')?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if rest.is_empty() => default,
            None => return None,
        };
        return Some((host.to_owned(), port));
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((text.to_owned(), default)),
    }
}

/// A URL as it may be shown: without what follows `password=` and without a login in front of the host.
pub(crate) fn masked(url: &str) -> String {
    // First, as anything may stand in a password.
    let shown = match (url.find("//"), url.rfind('@')) {
        (Some(from), Some(to)) if from < to => {
            let (head, tail) = (url.get(..from + 2), url.get(to..));
            format!("{}****{}", head.unwrap_or_default(), tail.unwrap_or_default())
        }
        _ => url.to_owned(),
    };
    let (place, query) = shown.split_once('?').unwrap_or((&shown, ""));
    if query.is_empty() {
        return place.to_owned();
    }
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=****"),
        _ => pair.to_owned(),
    });
    format!("{place}?{}", shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    #[test]
    fn urls_of_all_databases() {
        let mysql = target("jdbc:mysql://db1:3307,db2/shop?useSSL=false&user=u&password=p%40q");
        assert_eq!(mysql.dialect, Dialect::MySql);
        assert_eq!(mysql.hosts, [("db1".to_owned(), 3307), ("db2".to_owned(), 3306)]);
        assert_eq!(mysql.database.as_deref(), Some("shop"));
        assert_eq!(mysql.param("password"), Some("p@q"));
        assert_eq!(mysql.flag("usessl"), Some(false));
        let postgres = target("jdbc:postgresql://me:secret@[::1]:5433/?currentSchema=a");
        assert_eq!(postgres.hosts, [("::1".to_owned(), 5433)]);
        assert_eq!(
            (postgres.param("user"), postgres.param("password")),
            (Some("me"), Some("secret"))
        );
        assert_eq!(postgres.database, None);
        assert_eq!(target("jdbc:postgresql:shop").database.as_deref(), Some("shop"));
        assert_eq!(target("jdbc:sqlite:/tmp/a.db").database.as_deref(), Some("/tmp/a.db"));
        assert_eq!(target("jdbc:sqlite:").database.as_deref(), Some(":memory:"));
    }

    #[test]
    fn errors_show_no_password() {
        let text = |url: &str| Target::parse(url).unwrap_err().message().to_owned();
        assert_eq!(text("postgres://x"), "Not a valid JDBC URL: postgres://x");
        let oracle = text("jdbc:oracle://scott:tiger@h/x?password=tiger&a=b");
        assert!(oracle.contains("jdbc:oracle://****@h/x?password=****&a=b"), "{oracle}");
        assert!(!oracle.contains("tiger"), "{oracle}");
        assert!(!text("jdbc:mysql://u:p?w@h:x/db").contains("p?w"));
        assert!(text("jdbc:mysql:loadbalance://h/x").contains("jdbc:mysql://host:port/database"));
        assert!(text("jdbc:mysql://h:x/y").contains("Not a valid"));
    }
}
