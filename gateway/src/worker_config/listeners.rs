//! `listeners` and the address under which the worker is known.

use std::fmt;

/// How clients speak to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where the REST API listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Plain or TLS.
    pub(crate) scheme: Scheme,
    /// The host as written; empty is all interfaces.
    pub(crate) host: String,
    /// The port; 0 takes a free one.
    pub(crate) port: u16,
}

impl Listener {
    /// Reads one URI of `listeners`: Kafka Connect's words for what is wrong, then what to
    /// write.
    pub(crate) fn parse(uri: &str) -> Result<Self, String> {
        let wanted = "write for example http://127.0.0.1:8083 or https://127.0.0.1:8443";
        let malformed = || {
            format!(
                "Listener doesn't have the right format (protocol://hostname:port). {uri}: {wanted}"
            )
        };
        let (scheme, rest) = uri.split_once("://").ok_or_else(malformed)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => {
                return Err(format!(
                    "Listener protocol must be either \"http\" or \"https\". {uri}: {wanted}"
                ));
            }
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = authority.rsplit_once(':').ok_or_else(malformed)?;
        let port = port.parse().map_err(|_| malformed())?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let host = if bracketed { &host[1..host.len() - 1] } else { host };
        if host.contains(':') && !bracketed {
            let scheme = scheme.as_str();
            return Err(format!("an IPv6 address stands in brackets: {scheme}://[{host}]:{port}"));
        }
        Ok(Self { scheme, host: host.to_owned(), port })
    }

    /// What to bind, in order of preference.
    pub(crate) fn bind_hosts(&self) -> Vec<String> {
        match self.host.as_str() {
            // All interfaces of both families where the machine has IPv6.
            "" => vec!["::".to_owned(), "0.0.0.0".to_owned()],
            host => vec![host.to_owned()],
        }
    }

    /// The host that others would use: the listener's, or this machine's name when it listens
    /// on all interfaces.
    pub(crate) fn reachable_host(&self) -> String {
        match self.host.as_str() {
            "" | "0.0.0.0" | "::" => host_name(),
            host => host.to_owned(),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), host_port(&self.host, self.port))
    }
}

/// `host:port`, IPv6 in brackets.
pub(crate) fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name == "(none)" { "localhost".to_owned() } else { name.to_owned() }
}
