//! Media types of requests: what a body is, and what may be answered.

use axum::http::{HeaderMap, header};

/// A media type or a range of them; parameters are only checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MediaType<'a> {
    type_: &'a str,
    subtype: &'a str,
}

impl<'a> MediaType<'a> {
    /// Reads `type/subtype;parameter=value`; `None` if it is none.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (type_, subtype) = parts.next()?.split_once('/')?;
        let (type_, subtype) = (type_.trim(), subtype.trim());
        let is_right = is_token(type_)
            && is_token(subtype)
            && parts.filter(|part| !part.is_empty()).all(is_parameter);
        is_right.then_some(Self { type_, subtype })
    }

    fn is_range(self) -> bool {
        self.type_ == "*" || self.subtype == "*"
    }

    fn takes_json(self) -> bool {
        let is = |part: &str, wanted: &str| part == "*" || part.eq_ignore_ascii_case(wanted);
        is(self.type_, "application") && is(self.subtype, "json")
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn is_parameter(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return false };
    let (name, value) = (name.trim(), value.trim());
    is_token(name) && (!name.eq_ignore_ascii_case("q") || is_quality(value))
}

/// A number from 0 to 1 with at most three decimals.
fn is_quality(text: &str) -> bool {
    let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
    decimals.len() <= 3 && text.parse::<f64>().is_ok_and(|q| (0.0..=1.0).contains(&q))
}

/// The types of an `Accept` header's value. A type without subtype is all of that type, a lone `*`
/// is any, and nothing may follow the last comma.
fn accepted(value: &str) -> impl Iterator<Item = Option<MediaType<'_>>> {
    let value = value.trim();
    let entries = value.strip_suffix(',').unwrap_or(value).split(',').map(str::trim);
    entries.filter(move |_| !value.is_empty()).map(|entry| match is_token(entry) {
        true => Some(MediaType { type_: entry, subtype: "*" }),
        false => MediaType::parse(entry),
    })
}

fn values(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default())
}

/// Whether `Accept` or `Content-Type` is none.
pub(super) fn is_malformed(headers: &HeaderMap) -> bool {
    values(headers, header::CONTENT_TYPE).any(|text| MediaType::parse(text).is_none())
        || values(headers, header::ACCEPT).flat_map(accepted).any(|type_| type_.is_none())
}

/// What an answer without JSON in it is of, where the request takes no plain text.
pub(super) fn instead_of_text(headers: &HeaderMap) -> Option<String> {
    let types: Vec<MediaType<'_>> =
        values(headers, header::ACCEPT).flat_map(accepted).flatten().collect();
    let takes_text = |type_: &MediaType<'_>| {
        (type_.type_ == "*" || type_.type_.eq_ignore_ascii_case("text"))
            && (type_.subtype == "*" || type_.subtype.eq_ignore_ascii_case("plain"))
    };
    let first = types.iter().find(|type_| !type_.is_range());
    let first = first.filter(|_| !types.iter().any(takes_text));
    first.map(|type_| format!("{}/{}", type_.type_, type_.subtype))
}

/// The form of the server's own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Html,
    Json,
    Empty,
}

/// The form that a request without readable media types is answered in: the server knows few
/// types, and none that has parameters but a quality.
pub(super) fn page(headers: &HeaderMap) -> Page {
    let mut entries = values(headers, header::ACCEPT)
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    if !headers.contains_key(header::ACCEPT) {
        return Page::Html;
    }
    let form = |entry: &str| {
        let (type_, parameter) = entry.split_once(';').unwrap_or((entry, "q=1"));
        let quality = parameter.trim().strip_prefix("q=")?;
        quality.parse::<f64>().ok()?;
        match type_.trim() {
            "text/html" | "text/*" | "*/*" => Some(Page::Html),
            "application/json" | "text/json" => Some(Page::Json),
            _ => None,
        }
    };
    entries.find_map(form).unwrap_or(Page::Empty)
}

/// Whether JSON may be answered.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let mut types = values(headers, header::ACCEPT).flat_map(accepted).flatten().peekable();
    types.peek().is_none() || types.any(MediaType::takes_json)
}

/// Whether the body, if there is one, is JSON or of a type that may be JSON.
pub(super) fn brings_json(headers: &HeaderMap) -> bool {
    let type_ = values(headers, header::CONTENT_TYPE).next();
    type_.is_none_or(|text| MediaType::parse(text).is_some_and(MediaType::takes_json))
}

/// Whether the body is said to be JSON: a range says nothing.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let type_ = values(headers, header::CONTENT_TYPE).next().and_then(MediaType::parse);
    type_.is_some_and(|type_| type_.takes_json() && !type_.is_range())
}

/// Whether the body is said to be records, as JSON or as lines of JSON. Without a type a page of any
/// site could send it.
pub(super) fn is_records(headers: &HeaderMap) -> bool {
    let type_ = values(headers, header::CONTENT_TYPE).next().and_then(MediaType::parse);
    is_json(headers)
        || type_.is_some_and(|type_| {
            type_.type_.eq_ignore_ascii_case("application")
                && type_.subtype.eq_ignore_ascii_case("x-ndjson")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn json_is_accepted_where_it_is_meant() {
        assert!(accepts_json(&HeaderMap::new()));
        for (accept, json) in [
            ("", true),
            ("*", true),
            ("*/*", true),
            ("application", true),
            ("text", false),
            ("Application/JSON; charset=utf-8", true),
            ("text/html, application/*;q=0.1", true),
            ("application/json,", true),
            ("text/html", false),
            ("application/xml;q=1.0", false),
        ] {
            let headers = headers(header::ACCEPT, accept);
            assert!(!is_malformed(&headers), "{accept}");
            assert_eq!(accepts_json(&headers), json, "{accept}");
        }
    }

    #[test]
    fn what_is_no_type_is_malformed() {
        for accept in [
            "application/",
            "/json",
            "application/json;q=2",
            "a/b;q=x",
            "a/b;q=0.0001",
            ",",
            ",a/b",
            "a/b,,c/d",
        ] {
            assert!(is_malformed(&headers(header::ACCEPT, accept)), "{accept}");
        }
        for type_ in ["", "x", "application/", "\"application/json\""] {
            assert!(is_malformed(&headers(header::CONTENT_TYPE, type_)), "{type_}");
        }
    }

    #[test]
    fn records_are_json_or_lines_of_json() {
        for (type_, records) in [
            ("application/json", true),
            ("Application/X-NDJSON; charset=utf-8", true),
            ("application/*", false),
            ("text/plain", false),
            ("text/x-ndjson", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            assert_eq!(is_records(&headers(header::CONTENT_TYPE, type_)), records, "{type_}");
        }
        assert!(!is_records(&HeaderMap::new()));
    }

    #[test]
    fn pages_are_of_the_type_that_is_readable() {
        let of = |accept: &str| page(&headers(header::ACCEPT, accept));
        assert_eq!(page(&HeaderMap::new()), Page::Html);
        assert_eq!(of("a/b;q=x, text/html"), Page::Html);
        assert_eq!(of(",application/json"), Page::Json);
        assert_eq!(of("application/json;q=1.5"), Page::Json);
        for accept in ["application/json;q=x", "application/json;x", ",", "a/"] {
            assert_eq!(of(accept), Page::Empty, "{accept}");
        }
    }

    #[test]
    fn plain_text_is_left_out_where_it_is_not_taken() {
        let of = |accept: &str| instead_of_text(&headers(header::ACCEPT, accept));
        for accept in ["", "*/*", "text/*", "application/json, text/plain;q=0.1"] {
            assert_eq!(of(accept), None, "{accept}");
        }
        assert_eq!(of("application/xml;q=0.5").as_deref(), Some("application/xml"));
    }

    #[test]
    fn a_range_is_no_type_of_a_body() {
        let is = |type_: &str| {
            let headers = headers(header::CONTENT_TYPE, type_);
            (brings_json(&headers), is_json(&headers))
        };
        assert_eq!(is("application/json;charset=utf-8"), (true, true));
        assert_eq!(is("application/*"), (true, false));
        assert_eq!(is("text/plain"), (false, false));
        assert!(brings_json(&HeaderMap::new()));
    }
}
