//! What is asked of a cluster besides documents: what it is, its indices, data streams and mappings.

use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use super::cluster::{Body, Cluster, Halt, describe};
use crate::web::client::Answer;

/// What a name may have in a path as it is.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
const EXISTS: &str = "resource_already_exists_exception";
/// What servers say where a data stream has no index template.
const NO_TEMPLATE: &str = "no matching index template";
/// Templates of ours stand over those of the server.
const TEMPLATE_PRIORITY: u32 = 200;

/// What a cluster says that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) is_opensearch: bool,
    /// As it says it.
    pub(super) version: String,
}

impl Server {
    fn read(json: &Json) -> Option<Self> {
        let version = json.get("version")?;
        Some(Self {
            is_opensearch: version.get("distribution").and_then(Json::as_str) == Some("opensearch"),
            version: version.get("number")?.as_str()?.to_owned(),
        })
    }

    /// Whether an Elasticsearch is older than a version. Those of OpenSearch began anew.
    pub(super) fn is_before(&self, major: u32, minor: u32) -> bool {
        let part = |text: &str| text.split('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut parts = self.version.split('.').map(part);
        let own = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        !self.is_opensearch && own < (major, minor)
    }
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NAME).to_string()
}

fn is_fine(answer: &Answer) -> bool {
    answer.status.is_success()
}

fn is_there(answer: &Answer) -> bool {
    answer.status.is_success() || answer.status.as_u16() == 404
}

fn says(answer: &Answer, text: &str) -> bool {
    String::from_utf8_lossy(&answer.body).contains(text)
}

fn body(json: Option<Json>) -> Body {
    json.map_or(Body::None, |json| Body::Json(json.to_string().into()))
}

impl Cluster {
    /// What answers, by one attempt; the error says why nothing does.
    pub(super) async fn server(&self) -> Result<Server, String> {
        let answer = self.ask(&Method::GET, "/", &Body::None).await?;
        if !answer.status.is_success() {
            return Err(describe(&answer));
        }
        let json = serde_json::from_slice(&answer.body).unwrap_or(Json::Null);
        Server::read(&json).ok_or_else(|| "what answers is no Elasticsearch".to_owned())
    }

    async fn is_at(&self, what: &str, path: &str) -> Result<bool, Halt> {
        let answer = self.call(what, (Method::HEAD, path, Body::None), is_there).await?;
        Ok(answer.status.is_success())
    }

    /// Whether there is an index, data stream or alias of that name.
    pub(super) async fn exists(&self, name: &str) -> Result<bool, Halt> {
        let path = format!("/{}", encoded(name));
        self.is_at(&format!("check if index {name} exists"), &path).await
    }

    /// Whether there is an alias of that name.
    pub(super) async fn alias_exists(&self, name: &str) -> Result<bool, Halt> {
        let path = format!("/_alias/{}", encoded(name));
        self.is_at(&format!("check if alias {name} exists"), &path).await
    }

    /// Makes an index, unless another has made it meanwhile; whether it did.
    pub(super) async fn create_index(
        &self,
        name: &str,
        mapping: Option<Json>,
    ) -> Result<bool, Halt> {
        let what = format!("create index {name}");
        let path = format!("/{}", encoded(name));
        let body = body(mapping.map(|mapping| json!({"mappings": mapping})));
        let fits = |answer: &Answer| is_fine(answer) || says(answer, EXISTS);
        let answer = self.call(&what, (Method::PUT, &path, body), fits).await?;
        Ok(answer.status.is_success())
    }

    /// Whether an index has a mapping. Of an alias and a data stream it is not said.
    pub(super) async fn has_mapping(&self, name: &str) -> Result<bool, Halt> {
        let what = format!("get mapping for index {name}");
        let path = format!("/{}/_mapping", encoded(name));
        let answer = self.call(&what, (Method::GET, &path, Body::None), is_fine).await?;
        let json: Json = serde_json::from_slice(&answer.body).unwrap_or(Json::Null);
        let mappings = json.get(name).and_then(|index| index.get("mappings"));
        Ok(mappings.and_then(Json::as_object).is_some_and(|fields| !fields.is_empty()))
    }

    pub(super) async fn put_mapping(&self, name: &str, mapping: Json) -> Result<(), Halt> {
        let what = format!("create mapping for resource {name}");
        let path = format!("/{}/_mapping", encoded(name));
        self.call(&what, (Method::PUT, &path, body(Some(mapping))), is_fine).await?;
        Ok(())
    }

    /// Makes a data stream. OpenSearch has no index template for it of its own.
    pub(super) async fn create_stream(&self, name: &str, makes_template: bool) -> Result<(), Halt> {
        let what = format!("create data stream {name}");
        let path = format!("/_data_stream/{}", encoded(name));
        let fits = |answer: &Answer| {
            is_fine(answer) || says(answer, EXISTS) || (makes_template && says(answer, NO_TEMPLATE))
        };
        let request = || (Method::PUT, path.as_str(), Body::None);
        let answer = self.call(&what, request(), fits).await?;
        if !is_fine(&answer) && says(&answer, NO_TEMPLATE) {
            let template = template_of(name);
            self.create_template(&template, name, super::document::TIMESTAMP).await?;
            self.call(&what, request(), |answer| is_fine(answer) || says(answer, EXISTS)).await?;
        }
        Ok(())
    }

    /// Makes the index template of a data stream, if there is none of that name.
    pub(super) async fn create_template(
        &self,
        template: &str,
        stream: &str,
        time_field: &str,
    ) -> Result<(), Halt> {
        let path = format!("/_index_template/{}", encoded(template));
        if self.is_at(&format!("check if index template {template} exists"), &path).await? {
            return Ok(());
        }
        let time = match time_field {
            super::document::TIMESTAMP => json!({}),
            other => json!({"timestamp_field": {"name": other}}),
        };
        let content = json!({
            "index_patterns": [stream], "priority": TEMPLATE_PRIORITY, "data_stream": time,
        });
        let what = format!("create index template {template} for data stream {stream}");
        self.call(&what, (Method::PUT, &path, body(Some(content))), is_fine).await?;
        Ok(())
    }
}

/// The name of the index template of a data stream.
pub(super) fn template_of(stream: &str) -> String {
    format!("{stream}-connector-data-stream-template")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_what_they_are() {
        let of = |json| Server::read(&json).unwrap();
        let elastic = of(json!({"version": {"number": "7.8.1-SNAPSHOT"}}));
        assert!(elastic.is_before(7, 9) && !elastic.is_before(7, 8) && !elastic.is_opensearch);
        let open = of(json!({"version": {"number": "2.19.1", "distribution": "opensearch"}}));
        assert!(open.is_opensearch && !open.is_before(7, 0));
        assert_eq!(Server::read(&json!({"hello": 1})), None);
    }
}
