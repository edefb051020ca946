//! `access.control.*`: which web sites' pages may use the REST API.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use gantry_model::regex::JavaPattern;

use super::headers::csv_split;

/// Methods that are allowed where the worker file names none.
const DEFAULT_METHODS: &str = "GET,POST,HEAD";
/// Headers that a page may send.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static("Content-Type");
/// Seconds for which a browser may keep the answer to its first question.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("60");

/// Cross-origin requests, answered as Kafka Connect's server answers them.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origins: Origins,
    methods: HeaderValue,
}

#[derive(Clone, Debug)]
enum Origins {
    Any,
    /// Each a regular expression for a whole origin, in any case of letters.
    Some(Vec<JavaPattern>),
}

/// What the answer to one request gets.
#[derive(Debug, Default)]
pub(crate) struct Grant {
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Grant {
    /// Whether the page that asks is one of those that may.
    pub(crate) fn is_given(&self) -> bool {
        self.origin.is_some()
    }
}

impl Cors {
    /// From the values of the two keys; `None` where no origin is allowed. The error is reason
    /// and remedy, of the key that it names first.
    pub(super) fn parse(
        origins: &str,
        methods: &str,
    ) -> Result<Option<Self>, (&'static str, String)> {
        if origins.trim().is_empty() {
            return Ok(None);
        }
        let mut patterns = Vec::new();
        let mut any = false;
        for origin in csv_split(origins) {
            any |= origin == "*";
            if any {
                continue;
            }
            patterns.push(JavaPattern::compile(&format!("(?i){origin}")).map_err(|error| {
                let why = format!(
                    "{origin} is no regular expression: {}; write an origin such as \
                     https://example.com, https://.*\\.example\\.com, or * for all",
                    error.message()
                );
                ("access.control.allow.origin", why)
            })?);
        }
        let methods: Vec<String> =
            csv_split(methods).into_iter().filter(|method| !method.is_empty()).collect();
        let methods =
            if methods.is_empty() { DEFAULT_METHODS.to_owned() } else { methods.join(",") };
        let methods = HeaderValue::from_str(&methods).map_err(|_| {
            let why = format!("{methods} cannot stand in a header; write for example GET,PUT");
            ("access.control.allow.methods", why)
        })?;
        let origins = if any { Origins::Any } else { Origins::Some(patterns) };
        Ok(Some(Self { origins, methods }))
    }

    /// Looks at a request.
    pub(crate) fn grant(&self, method: &Method, headers: &HeaderMap) -> Grant {
        let origin = headers.get(header::ORIGIN).filter(|origin| self.allows(origin));
        let asks = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        Grant { origin: origin.cloned(), is_preflight: *method == Method::OPTIONS && asks }
    }

    /// A header may name several origins, with blanks between them: one is enough.
    fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Some(patterns) => {
                let mut names = origin.to_str().unwrap_or_default().split_whitespace();
                names.any(|name| patterns.iter().any(|pattern| pattern.matches(name)))
            }
        }
    }

    /// Writes what a page may do. The answer is the same to all others, without the grant.
    pub(crate) fn apply(&self, grant: Grant, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = grant.origin else { return };
        let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if grant.is_preflight {
            set(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            set(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
            set(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
        }
    }
}
