//! Media types of what is taken and given.

use axum::http::{HeaderMap, header};

/// What answers can be of, the preferred one first.
const GIVEN: [&str; 3] = [
    "application/vnd.schemaregistry.v1+json",
    "application/vnd.schemaregistry+json",
    "application/json",
];
/// What bodies can be of.
const TAKEN: [&str; 4] = [GIVEN[0], GIVEN[1], GIVEN[2], "application/octet-stream"];

/// The media type of a part of a header, without parameters.
fn bare(part: &str) -> String {
    part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a body of this type is taken; one without a type is.
pub(super) fn is_taken(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    TAKEN.contains(&bare(value).as_str())
}

/// The weight of a part of an `Accept`, in thousandths.
fn weight(part: &str) -> u32 {
    let mut parameters = part.split(';').skip(1).map(str::trim);
    let q = parameters.find_map(|parameter| parameter.strip_prefix("q="));
    let q = q.map_or(Some(1.0), |q| q.trim().parse::<f64>().ok());
    let q = q.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0);
    // Within 0 and 1000.
    (q * 1000.0).round() as u32
}

/// How well a part of an `Accept` names a type: 0 is not at all.
fn fits(part: &str, type_: &str) -> u32 {
    match part {
        "*/*" => 1,
        "application/*" => 2,
        part if part == type_ => 3,
        _ => 0,
    }
}

/// The type to answer with; `None` if none is accepted.
pub(super) fn negotiated(headers: &HeaderMap) -> Option<&'static str> {
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let parts: Vec<&str> =
        accept.iter().flat_map(|value| value.split(',')).filter(|p| !p.trim().is_empty()).collect();
    if parts.is_empty() {
        return Some(GIVEN[0]);
    }
    let weight_of = |type_: &str| {
        let best = parts.iter().max_by_key(|part| fits(&bare(part), type_))?;
        (fits(&bare(best), type_) > 0).then(|| weight(best))
    };
    let weighed = GIVEN.into_iter().filter_map(|type_| Some((type_, weight_of(type_)?)));
    let mut best: Option<(&str, u32)> = None;
    for (type_, weight) in weighed.filter(|(_, weight)| *weight > 0) {
        if best.is_none_or(|(_, known)| weight > known) {
            best = Some((type_, weight));
        }
    }
    best.map(|(type_, _)| type_)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(accept: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        negotiated(&headers)
    }

    #[test]
    fn the_type_is_negotiated() {
        assert_eq!(given("*/*"), Some(GIVEN[0]));
        assert_eq!(given("application/json"), Some(GIVEN[2]));
        let weighed = "application/vnd.schemaregistry.v1+json; q=0.2, application/json; q=0.9";
        assert_eq!(given(weighed), Some(GIVEN[2]));
        assert_eq!(given("text/html, */*; q=0.1"), Some(GIVEN[0]));
        assert_eq!(given("text/html"), None);
        assert_eq!(given("application/json; q=0"), None);
        assert_eq!(negotiated(&HeaderMap::new()), Some(GIVEN[0]));
    }
}
