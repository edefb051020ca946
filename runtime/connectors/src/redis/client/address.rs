//! Where Redis is: keys, or a URI as the Java client lettuce reads it.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::tls::Tls;

pub(crate) const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Which kinds of servers the hosts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One server.
    Single,
    /// Nodes of a cluster.
    Cluster,
    /// Sentinels that know where the master of this name is.
    Sentinel(String),
}

/// A password: never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(pub(crate) String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Where Redis is, who asks, and how long it may take.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) hosts: Vec<(String, u16)>,
    pub(crate) mode: Mode,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Password>,
    pub(crate) database: i64,
    pub(crate) tls: Option<Tls>,
    pub(crate) connect_timeout: Duration,
    /// How long an answer may take; without limit if it is not set.
    pub(crate) answer_timeout: Option<Duration>,
    pub(crate) no_delay: bool,
    pub(crate) keep_alive: bool,
}

/// What a URI says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Uri {
    pub(crate) hosts: Vec<(String, u16)>,
    /// The name of the master, of sentinels.
    pub(crate) master: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Password>,
    pub(crate) database: i64,
    pub(crate) is_tls: bool,
    /// `verifyPeer=NONE` or `CA`.
    pub(crate) verify: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

impl Uri {
    /// `redis://[[user]:password@]host[:port][/database]`, `rediss://` through TLS, and
    /// `redis-sentinel://[[user]:password@]host[:port],…[/database]#master`. The error says what is wrong and shows
    /// no password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("it has no scheme: write redis://host:port, rediss://host:port through TLS, or redis-sentinel://host:port#master")?;
        let (is_tls, is_sentinel) = match scheme {
            "redis" => (false, false),
            "rediss" | "redis+ssl" => (true, false),
            "redis-sentinel" => (false, true),
            "rediss-sentinel" => (true, true),
            other => {
                return Err(format!(
                    "{other}:// is not supported; use redis://, rediss:// or redis-sentinel://"
                ));
            }
        };
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        // As anything may stand in a password, the last one counts.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (places, path) = cut(rest, '/');
        let default_port = if is_sentinel { SENTINEL_PORT } else { PORT };
        let hosts = parse_hosts(places.split(','), default_port)?;
        let (user, password) = match login.map(|login| (login, login.split_once(':'))) {
            None => (None, None),
            Some((alone, None)) => (None, Some(alone)),
            Some((_, Some((user, password)))) => (Some(user), Some(password)),
        };
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let mut uri = Self {
            hosts,
            master: None,
            user: user.filter(|user| !user.is_empty()).map(decode),
            password: password.filter(|text| !text.is_empty()).map(|text| Password(decode(text))),
            database: database(path.unwrap_or_default())?,
            is_tls,
            verify: None,
            timeout: None,
        };
        if !is_sentinel && uri.hosts.len() > 1 {
            return Err("several hosts stand in redis-sentinel:// only; of a cluster one is enough, from which the others are asked".to_owned());
        }
        uri.master = fragment.filter(|_| is_sentinel).map(decode);
        uri.parameters(query.unwrap_or_default())?;
        if is_sentinel && uri.master.is_none() {
            return Err("it names no master: redis-sentinel://host:port#master".to_owned());
        }
        Ok(uri)
    }

    fn parameters(&mut self, query: &str) -> Result<(), String> {
        for (name, value) in query.split('&').filter_map(|one| one.split_once('=')) {
            match name {
                "database" => self.database = database(value)?,
                "sentinelMasterId" => self.master = Some(value.to_owned()),
                "verifyPeer" => self.verify = Some(value.to_ascii_uppercase()),
                "timeout" => self.timeout = Some(duration(value)?),
                // How the client shows itself.
                "clientName" | "libraryName" | "libraryVersion" => {}
                other => return Err(format!("the parameter {other} is not supported; remove it")),
            }
        }
        Ok(())
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

fn database(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    match text.parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(format!("{text} is no number of a database: 0 or more")),
    }
}

/// `60s`, `500ms`, `2m`; a number alone is of milliseconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("timeout={text} is no time: 60s"))?;
    Ok(match unit {
        "" | "ms" => Duration::from_millis(number),
        "us" => Duration::from_micros(number),
        "ns" => Duration::from_nanos(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.saturating_mul(60)),
        "h" => Duration::from_secs(number.saturating_mul(3600)),
        "d" => Duration::from_secs(number.saturating_mul(86_400)),
        _ => {
            return Err(format!(
                "timeout={text} has no unit that is known: ns, us, ms, s, m, h, d"
            ));
        }
    })
}

/// Hosts with or without a port; an IPv6 address stands in brackets.
pub(crate) fn parse_hosts<'a>(
    places: impl Iterator<Item = &'a str>,
    default_port: u16,
) -> Result<Vec<(String, u16)>, String> {
    let mut hosts = Vec::new();
    for place in places.map(str::trim).filter(|place| !place.is_empty()) {
        let bracket = place.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match place.get(bracket..).and_then(|rest| rest.find(':')) {
            Some(colon) => {
                let (host, port) = place.split_at(bracket + colon);
                let port = port.get(1..).unwrap_or_default();
                (host, port.parse().map_err(|_| format!("{port} is no port of {host}"))?)
            }
            None => (place, default_port),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("a host is missing".to_owned());
        }
        hosts.push((host.to_owned(), port));
    }
    match hosts.is_empty() {
        true => Err("a host is missing".to_owned()),
        false => Ok(hosts),
    }
}

impl Place {
    /// As messages name it.
    pub(crate) fn shown(&self) -> String {
        let hosts: Vec<String> =
            self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        let hosts = hosts.join(",");
        match &self.mode {
            Mode::Single => hosts,
            Mode::Cluster => format!("cluster {hosts}"),
            Mode::Sentinel(master) => format!("{master} of sentinels {hosts}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn uris_are_lettuces() {
        let uri = parsed("redis://me:s%40cr:t@db@host:7000/3?timeout=10s");
        assert_eq!(uri.hosts, [("host".to_owned(), 7000)]);
        assert_eq!(uri.user.as_deref(), Some("me"));
        assert_eq!(uri.password, Some(Password("s@cr:t@db".to_owned())));
        assert_eq!((uri.database, uri.timeout), (3, Some(Duration::from_secs(10))));
        let uri = parsed("rediss://secret@[::1]");
        assert_eq!(uri.hosts, [("::1".to_owned(), PORT)]);
        assert_eq!((uri.user, uri.password), (None, Some(Password("secret".to_owned()))));
        assert!(uri.is_tls);
        let uri = parsed("redis-sentinel://a,b:1/2#mine");
        assert_eq!(uri.hosts, [("a".to_owned(), SENTINEL_PORT), ("b".to_owned(), 1)]);
        assert_eq!((uri.master.as_deref(), uri.database), (Some("mine"), 2));
    }

    #[test]
    fn what_is_wrong_with_a_uri_is_said_without_its_password() {
        for (text, want) in [
            ("host:6379", "no scheme"),
            ("redis-socket:///tmp/redis", "not supported"),
            ("redis://:hush@", "a host is missing"),
            ("redis://:hush@h:x", "x is no port of h"),
            ("redis://:hush@h/x", "x is no number of a database"),
            ("redis://:hush@a,b", "several hosts"),
            ("redis-sentinel://:hush@a", "names no master"),
            ("redis://:hush@h?timeout=1y", "no unit"),
            ("redis://:hush@h?pool=1", "pool is not supported"),
        ] {
            let error = Uri::parse(text).expect_err(text);
            assert!(error.contains(want) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
