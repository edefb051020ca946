//! Credentials of a role, asked for at Amazon's token service and kept until shortly before they end.

use std::sync::Arc;

use gantry_api::{async_trait, now_ms};
use hyper::{Method, Request};
use jiff::Timestamp;
use object_store::CredentialProvider;
use object_store::aws::{AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpRequestBody};
use tokio::sync::Mutex;

use super::credentials::{Role, ask};
use super::http::Connections;

/// So long before they end new ones are asked for.
const EARLY_MS: i64 = 60_000;
/// How long they count if the service does not say.
const UNKNOWN_MS: i64 = 300_000;

#[derive(Debug)]
pub(super) struct AssumeRole {
    role: Role,
    inner: AwsCredentialProvider,
    http: HttpClient,
    kept: Mutex<Option<(Arc<AwsCredential>, i64)>>,
}

fn fault(what: String) -> object_store::Error {
    object_store::Error::Generic { store: "STS", source: what.into() }
}

impl AssumeRole {
    pub(super) fn new(role: Role, inner: AwsCredentialProvider, connections: Connections) -> Self {
        Self { role, inner, http: HttpClient::new(connections), kept: Mutex::new(None) }
    }

    async fn assume(&self) -> object_store::Result<(Arc<AwsCredential>, i64)> {
        let role = &self.role;
        let own = ask(&self.inner).await?;
        let duration = role.duration_s.map(|seconds| seconds.to_string());
        let mut form = vec![
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &role.arn),
            ("RoleSessionName", &role.session),
        ];
        form.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
        form.extend(duration.as_deref().map(|seconds| ("DurationSeconds", seconds)));
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let url = match &role.endpoint {
            Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
            None => format!("https://sts.{}.amazonaws.com/", role.region),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(HttpRequestBody::from(body.join("&")))
            .map_err(|error| fault(error.to_string()))?;
        AwsAuthorizer::new(&own, "sts", &role.region).try_authorize(&mut request, None)?;
        let response =
            self.http.execute(request).await.map_err(|error| fault(error.to_string()))?;
        let status = response.status();
        let bytes = response.into_body().bytes().await.map_err(|error| fault(error.to_string()))?;
        let text = String::from_utf8_lossy(&bytes);
        if !status.is_success() {
            let why = between(&text, "Message").unwrap_or_default();
            return Err(fault(format!(
                "the role {} could not be assumed: {status} {why}",
                role.arn
            )));
        }
        let part = |name: &str| {
            let missing = || fault(format!("the answer for role {} has no {name}", role.arn));
            between(&text, name).map(str::to_owned).ok_or_else(missing)
        };
        let credential = AwsCredential {
            key_id: part("AccessKeyId")?,
            secret_key: part("SecretAccessKey")?,
            token: Some(part("SessionToken")?),
        };
        let ends = between(&text, "Expiration").and_then(|time| time.parse::<Timestamp>().ok());
        let ends_ms = ends.map_or_else(|| now_ms() + UNKNOWN_MS, Timestamp::as_millisecond);
        Ok((Arc::new(credential), ends_ms))
    }
}

/// The text of the first element of that name; the service's texts have no escapes.
fn between<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let rest = xml.split_once(&format!("<{name}>"))?.1;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into())
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[async_trait]
impl CredentialProvider for AssumeRole {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        if let Some((credential, ends_ms)) = &*kept
            && now_ms() + EARLY_MS < *ends_ms
        {
            return Ok(Arc::clone(credential));
        }
        let (credential, ends_ms) = self.assume().await?;
        *kept = Some((Arc::clone(&credential), ends_ms));
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_forms() {
        let xml =
            "<a><AccessKeyId>AK</AccessKeyId><Expiration>2026-01-01T00:00:00Z</Expiration></a>";
        assert_eq!(between(xml, "AccessKeyId"), Some("AK"));
        assert_eq!(between(xml, "SessionToken"), None);
        assert_eq!(encoded("arn:aws:iam::1:role/x y"), "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y");
    }
}
