//! Requests: made of an offset, sent until there is an answer.

use std::time::Duration;

use gantry_api::{Error, OffsetMap, Result};
use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, IF_NONE_MATCH, LINK,
};
use hyper::{HeaderMap, Method};
use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};

use super::super::limit::Limiter;
use super::super::oauth2::Tokens;
use super::super::sign::Signer;
use super::config::{Config, Paging, header_list};
use super::hop::Hop;
use super::json::Node;
use super::keys::{BYTES_MAX, HEADERS, NEXT, NEXT_PARAM};
use crate::web::client::{Answer, Client, Keep, Unanswered};
use crate::web::keys::mask_url;
use crate::web::target::Target;

/// The longest wait between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// So much of an answer's body stands in an error.
const SHOWN_BYTES: usize = 1024;
/// What need not be encoded in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is encoded in parameters as they are configured: the rest of them may be encoded already.
const PARAMS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'\'').add(b'<').add(b'>').add(b'#').add(b'&').add(b'=');

/// Sends requests.
#[derive(Debug)]
pub(super) struct Requester {
    config: Config,
    client: Client,
    tokens: Option<Tokens>,
    signer: Option<Signer>,
    limiter: Limiter,
}

impl Requester {
    pub(super) fn new(config: Config) -> Result<Self> {
        let client =
            Client::new(config.opener.clone(), config.read_timeout, config.idle_max, config.idle);
        let tokens = match &config.oauth2 {
            Some(oauth2) => Some(Tokens::new(oauth2.clone(), client.proxy())?),
            None => None,
        };
        let signer = config.own.signing.clone().map(Signer::new).transpose()?;
        let limiter = Limiter::new(config.own.requests_per_second, 0);
        Ok(Self { config, client, tokens, signer, limiter })
    }

    /// The URL for an offset.
    pub(super) fn url(&self, offset: &OffsetMap) -> Result<String> {
        let mut url = self.config.asking.url.render(offset)?;
        let params = self.config.asking.params.render(offset)?;
        for pair in params.split('&').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            add_param(&mut url, name.trim(), value.trim(), PARAMS);
        }
        Ok(url)
    }

    /// Sends a request, and follows where the answers lead, until there is one that is not to be asked for again; with the
    /// URL that it is of.
    pub(super) async fn ask(
        &self,
        url: &str,
        offset: &OffsetMap,
        etag: Option<&HeaderValue>,
    ) -> Result<(Answer, String)> {
        let mut hop = Hop::first(url, &self.config.asking.method);
        loop {
            let answer = self.ask_one(&hop, offset, etag).await?;
            match hop.next(url, &answer)? {
                Some(next) => hop = next,
                None => return Ok((answer, hop.url)),
            }
        }
    }

    /// Sends one request until there is an answer that is not to be asked for again.
    async fn ask_one(
        &self,
        hop: &Hop,
        offset: &OffsetMap,
        etag: Option<&HeaderValue>,
    ) -> Result<Answer> {
        // Credentials go nowhere else.
        let query = self.config.own.query.as_ref().filter(|_| hop.is_home);
        let target = Target::new(&hop.url, query, self.client.proxy())?;
        let (mut attempts, mut renewed) = (0, false);
        loop {
            let (error, wait) = match self.attempt(hop, &target, offset, etag).await? {
                Ok((answer, token)) => {
                    if let Some((tokens, number)) = token
                        && tokens.is_refused(answer.status.as_u16())
                        && !renewed
                    {
                        tokens.refuse(number).await;
                        renewed = true;
                        continue;
                    }
                    if !self.config.retry_on.contains(answer.status.as_u16()) {
                        return Ok(answer);
                    }
                    (refused(&shown(&hop.url), &answer), answer.retry_after)
                }
                Err(error) => (error, None),
            };
            if self.config.retries.is_some_and(|most| attempts >= most) {
                return Err(error);
            }
            let asked = wait.unwrap_or_default().min(self.config.own.retry_after_max);
            let doubled = self.config.backoff * 2_u32.pow(attempts.min(16) as u32);
            let wait = doubled.min(BACKOFF_MAX).max(asked);
            attempts += 1;
            tracing::warn!(
                wait_ms = wait.as_millis(),
                "a request failed and is tried again: {}",
                error.message()
            );
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt: the outer error is for good, the inner one may pass.
    async fn attempt(
        &self,
        hop: &Hop,
        target: &Target,
        offset: &OffsetMap,
        etag: Option<&HeaderValue>,
    ) -> Result<Result<(Answer, Option<(&Tokens, u64)>)>> {
        let mut headers = self.headers(hop, offset)?;
        if let Some(etag) = etag {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        let mut token = None;
        if let Some(tokens) = self.tokens.as_ref().filter(|_| hop.is_home) {
            match tokens.header(&self.client).await {
                Ok((value, number)) => {
                    headers.insert(AUTHORIZATION, value);
                    token = Some((tokens, number));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        let body = match hop.method {
            Method::GET | Method::HEAD => Bytes::new(),
            _ => Bytes::from(self.config.asking.body.render(offset)?),
        };
        if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(signer) = self.signer.as_ref().filter(|_| hop.is_home) {
            signer.sign(&body, &mut headers);
        }
        self.limiter.wait(0).await;
        let request = target.request(hop.method.clone(), headers, body, self.client.proxy());
        let sent =
            self.client.send(&target.origin, request, Keep::Whole(self.config.bytes_max)).await;
        Ok(match sent {
            Ok(answer) => Ok((answer, token)),
            // It would be as long again.
            Err(why @ Unanswered::TooLong(_)) => {
                return Err(Error::connect(format!(
                    "{}: {why}: ask for less at once, or raise {BYTES_MAX}",
                    shown(&target.shown)
                )));
            }
            Err(why) => Err(Error::connect(format!("{}: {why}", shown(&target.shown)))),
        })
    }

    fn headers(&self, hop: &Hop, offset: &OffsetMap) -> Result<HeaderMap> {
        let mut headers = match hop.is_home {
            true => self.config.fixed.clone(),
            false => HeaderMap::new(),
        };
        let text = self.config.asking.headers.render(offset)?;
        let list =
            header_list(&text).map_err(|what| Error::connect(format!("{HEADERS}: {what}")))?;
        let goes = |name: &HeaderName| hop.is_home || (name != AUTHORIZATION && name != COOKIE);
        headers.extend(list.into_iter().filter(|(name, _)| goes(name)));
        Ok(headers)
    }

    /// Where the page is that comes next: `from` was asked, `url` has answered.
    pub(super) fn next_page(
        &self,
        from: &str,
        url: &str,
        answer: &Answer,
        body: &str,
    ) -> Result<Option<String>> {
        let next = match &self.config.paging {
            Paging::None => None,
            Paging::Link => answer
                .headers
                .get_all(LINK)
                .iter()
                .find_map(|value| next_link(value.to_str().ok()?)),
            Paging::Body(pointer, param) => {
                let node = Node::parse(body).map_err(Error::connect)?;
                let found = node.at(pointer).filter(|node| !node.is_null()).map(Node::text);
                let found = found.filter(|text| !text.is_empty());
                match (found, param) {
                    (Some(text), Some(param)) => Some(with_param(url, param, &text)),
                    (found, _) => found,
                }
            }
        };
        let Some(next) = next else { return Ok(None) };
        let next = absolute(url, &next);
        // Credentials go nowhere else, and a page that names itself is the last one.
        let (here, there) = (Target::new(from, None, None)?, Target::new(&next, None, None)?);
        if here.origin != there.origin {
            return Err(Error::connect(format!(
                "the next page is at {}, another server than {}: it is not asked, as it would get the credentials; \
                 look at {NEXT} and {NEXT_PARAM}",
                shown(&next),
                shown(from)
            )));
        }
        Ok(Some(next).filter(|next| next != url && next != from))
    }
}

/// A URL as it may be shown: keys of services stand in queries.
pub(super) fn shown(url: &str) -> String {
    match mask_url(url).split_once('?') {
        Some((place, _)) => format!("{place}?***"),
        None => mask_url(url),
    }
}

/// An answer that is not to be processed.
pub(super) fn refused(shown: &str, answer: &Answer) -> Error {
    let body = String::from_utf8_lossy(
        answer.body.get(..answer.body.len().min(SHOWN_BYTES)).unwrap_or_default(),
    );
    let code = answer.status.as_u16();
    Error::connect(format!("Policy failed for response code: {code}, body: {body} ({shown})"))
}

fn add_param(url: &mut String, name: &str, value: &str, encoded: &'static AsciiSet) {
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(&utf8_percent_encode(name, encoded).to_string());
    url.push('=');
    url.push_str(&utf8_percent_encode(value, encoded).to_string());
}

/// The URL with this value of a parameter, in the place of another one.
fn with_param(url: &str, name: &str, value: &str) -> String {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let mut out = place.to_owned();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let other = pair.split('=').next().unwrap_or_default();
        if percent_decode_str(other).decode_utf8_lossy() != name {
            out.push(if out.contains('?') { '&' } else { '?' });
            out.push_str(pair);
        }
    }
    add_param(&mut out, name, value, QUERY);
    out
}

/// A URL as it stands in the answer for another one.
pub(super) fn absolute(base: &str, url: &str) -> String {
    if url.contains("://") {
        return url.to_owned();
    }
    let host = base.find("://").map_or(0, |at| at + 3);
    let path =
        base.get(host..).and_then(|rest| rest.find(['/', '?'])).map_or(base.len(), |at| host + at);
    let query = base.find('?').unwrap_or(base.len());
    if url.starts_with('/') {
        return format!("{}{url}", base.get(..path).unwrap_or(base));
    }
    if url.starts_with('?') {
        return format!("{}{url}", base.get(..query).unwrap_or(base));
    }
    let folder = base.get(..query).and_then(|base| base.rfind('/')).filter(|at| *at >= path);
    match folder {
        Some(at) => format!("{}{url}", base.get(..=at).unwrap_or(base)),
        None => format!("{}/{url}", base.get(..path).unwrap_or(base)),
    }
}

/// The target of `<…>; rel="next"`.
fn next_link(text: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (target, behind) = rest.split_once('<')?.1.split_once('>')?;
        let (about, more) = behind.split_at(behind.find('<').unwrap_or(behind.len()));
        let is_next = about.split(';').any(|part| {
            let Some((name, value)) = part.split_once('=') else { return false };
            let mut all = value.split([' ', ',', '"']);
            name.trim().eq_ignore_ascii_case("rel")
                && all.any(|rel| rel.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found() {
        let link = |text: &str| next_link(text);
        assert_eq!(
            link(r#"<https://x/y?page=2>; rel="next""#).as_deref(),
            Some("https://x/y?page=2")
        );
        let several = r#"<https://x?p=1>; rel="prev", <https://x?p=3,4>; title="a"; rel="next last",<https://x?p=9>; rel=last"#;
        assert_eq!(link(several).as_deref(), Some("https://x?p=3,4"));
        assert_eq!(link(r#"<https://x?p=1>; rel="prev", <https://x?p=2>; rel=prev"#), None);
        assert_eq!(link("<broken"), None);
        for (url, expected) in [
            ("/c?d", "http://h:1/c?d"),
            ("?d=1", "http://h:1/a/b?d=1"),
            ("c", "http://h:1/a/c"),
            ("https://o/", "https://o/"),
        ] {
            assert_eq!(absolute("http://h:1/a/b?q=/x", url), expected);
        }
        assert_eq!(absolute("http://h", "c"), "http://h/c");
        assert_eq!(with_param("http://h/a?p=1&q=2", "p", "x y"), "http://h/a?q=2&p=x%20y");
        assert_eq!(with_param("http://h/a", "p", "1"), "http://h/a?p=1");
    }
}
