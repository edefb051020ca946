//! Where requests go to.

use std::fmt;
use std::sync::Arc;

use gantry_api::{Error, Result};
use gantry_tls::Secret;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Uri};
use percent_encoding::percent_decode_str;

use super::connect::{Origin, Proxy};
use super::keys::{basic, mask_url, parse_url};

/// Who asks, where nothing else is configured: some services refuse requests that do not say it.
const AGENT: &str = concat!("gantry/", env!("CARGO_PKG_VERSION"));

/// Where a request goes to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) origin: Arc<Origin>,
    /// As it stands in the first line of the request.
    uri: Uri,
    host: HeaderValue,
    /// User and password of the URL.
    authorization: Option<HeaderValue>,
    /// The URL as it may be shown.
    pub(crate) shown: Arc<str>,
}

/// Keys may stand in the query.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Target {
    /// Where a URL leads, with `query` added to it. `DataException` if it is none.
    pub(crate) fn new(url: &str, query: Option<&Secret>, proxy: Option<&Proxy>) -> Result<Self> {
        let wrong = || Error::data(format!("{} is no URL of HTTP", mask_url(url)));
        let uri = parse_url(url).ok_or_else(wrong)?;
        let origin = Origin::of(&uri).ok_or_else(wrong)?;
        let authority = uri.authority().ok_or_else(wrong)?.as_str();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let mut path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        if path.starts_with('?') {
            path.insert(0, '/');
        }
        if let Some(query) = query {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(query.expose());
        }
        // A proxy has to be told the server of requests that it sends itself.
        let line = match proxy.is_some() && !origin.https {
            true => format!("http://{host}{path}"),
            false => path,
        };
        Ok(Self {
            uri: line.parse().map_err(|_| wrong())?,
            host: HeaderValue::from_str(host).map_err(|_| wrong())?,
            authorization: user.and_then(credentials),
            origin: Arc::new(origin),
            shown: mask_url(url).into(),
        })
    }

    /// A request to there, without what is added for each attempt.
    pub(crate) fn request(
        &self,
        method: Method,
        mut headers: HeaderMap,
        body: Bytes,
        proxy: Option<&Proxy>,
    ) -> Request<Full<Bytes>> {
        headers.insert(HOST, self.host.clone());
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        }
        if let Some(value) = &self.authorization
            && !headers.contains_key(AUTHORIZATION)
        {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if let Some(value) = proxy.and_then(|proxy| proxy.authorization.as_ref())
            && !self.origin.https
        {
            headers.insert(PROXY_AUTHORIZATION, value.clone());
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// Basic authentication of `user:password` in a URL.
fn credentials(text: &str) -> Option<HeaderValue> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let plain = |text| percent_decode_str(text).decode_utf8_lossy();
    basic(&plain(user), &plain(password))
}
