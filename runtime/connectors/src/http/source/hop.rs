//! Redirects: where a request goes that is answered with another place, as OkHttp follows them.

use std::sync::Arc;

use gantry_api::{Error, Result};
use hyper::Method;
use hyper::header::LOCATION;

use super::request::{absolute, shown};
use crate::web::client::Answer;
use crate::web::connect::Origin;
use crate::web::target::Target;

/// So many redirects are followed one after the other.
const HOPS_MAX: usize = 20;

/// One request of those that lead to an answer.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) url: String,
    pub(super) method: Method,
    /// Whether it goes to the server that was asked: no other one gets the credentials.
    pub(super) is_home: bool,
    number: usize,
}

impl Hop {
    pub(super) fn first(url: &str, method: &Method) -> Self {
        Self { url: url.to_owned(), method: method.clone(), is_home: true, number: 0 }
    }

    /// Where the answer leads, if it does. `first` is what was asked for.
    pub(super) fn next(&self, first: &str, answer: &Answer) -> Result<Option<Self>> {
        let method = match answer.status.as_u16() {
            300..=303 if self.method == Method::HEAD => Method::HEAD,
            300..=303 => Method::GET,
            307 | 308 => self.method.clone(),
            _ => return Ok(None),
        };
        let Some(location) = answer.headers.get(LOCATION) else { return Ok(None) };
        let wrong = |what: &str| Error::connect(format!("{}: {what}", shown(&self.url)));
        let location =
            location.to_str().map_err(|_| wrong("it redirects to a place that is no text"))?;
        if self.number == HOPS_MAX {
            return Err(wrong(&format!("it redirects again after {HOPS_MAX} redirects")));
        }
        let url = absolute(&self.url, location);
        let is_home = origin(&url)? == origin(first)?;
        Ok(Some(Self { url, method, is_home, number: self.number + 1 }))
    }
}

fn origin(url: &str) -> Result<Arc<Origin>> {
    Ok(Target::new(url, None, None)?.origin)
}
