//! `listeners` and the address under which the worker is known.

use std::fmt;

/// Where the REST API listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// The host as written; empty is all interfaces.
    pub(crate) host: String,
    /// The port; 0 takes a free one.
    pub(crate) port: u16,
}

impl Listener {
    /// Reads one URI of `listeners`. The error says what is wrong and what to write.
    pub(crate) fn parse(uri: &str) -> Result<Self, String> {
        let wanted = "write it as http://host:port, for example http://127.0.0.1:8083";
        let Some((scheme, rest)) = uri.split_once("://") else {
            return Err(format!("it has no protocol; {wanted}"));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => {
                return Err(format!(
                    "https is not available yet; use http, and a proxy in front for TLS: {wanted}"
                ));
            }
            other => return Err(format!("the protocol {other} is not known; {wanted}")),
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let Some((host, port)) = authority.rsplit_once(':') else {
            return Err(format!("it has no port; {wanted}"));
        };
        let port = port.parse().map_err(|_| format!("{port} is not a port; {wanted}"))?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let host = if bracketed { &host[1..host.len() - 1] } else { host };
        if host.contains(':') && !bracketed {
            return Err(format!("an IPv6 address stands in brackets: http://[{host}]:{port}"));
        }
        Ok(Self { host: host.to_owned(), port })
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
        write!(f, "http://{}", host_port(&self.host, self.port))
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
