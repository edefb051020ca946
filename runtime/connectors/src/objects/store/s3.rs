//! A bucket of S3, or of a server that speaks its protocol.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use gantry_api::{Bytes, Error, Result};
use gantry_tls::{ServerProof, StoreSettings as TlsStore, TlsSettings, connection_config};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method, Request};
use md5::{Digest, Md5};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, Checksum};
use object_store::client::{HttpClient, HttpRequestBody};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};

use super::http::Connections;
use super::{Encryption, Fault, ProxySettings, S3Settings};
use crate::web::connect::{Opener, Proxy};
use crate::web::keys::basic;

const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Requests are not tried longer than that before the task says that the store is away.
const RETRY_TIME: Duration = Duration::from_secs(120);
/// The store does not know who asks, or does not believe it.
const UNKNOWN_USER: [&str; 4] =
    ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"];
/// The library's name of its key.
const ENCRYPTION: &str = "aws_server_side_encryption";
/// Nothing is there: asked for to see whether there is a bucket.
const PROBE: &str = "gantry-looks-for-the-bucket";

/// A bucket.
#[derive(Clone, Debug)]
pub(in crate::objects) struct S3(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: AmazonS3,
    /// The same with headers that only the request has that makes an object.
    maker: AmazonS3,
    http: HttpClient,
    settings: S3Settings,
    /// The bucket's URL, without a slash at its end.
    url: String,
}

impl S3 {
    pub(super) fn new(settings: &S3Settings) -> Result<Self> {
        let url = bucket_url(settings);
        let connections = Connections::new(opener(settings, &url)?);
        let client = build(settings, &url, &connections, HeaderMap::new())?;
        let maker = match &settings.acl {
            None => client.clone(),
            Some(acl) => {
                let mut headers = HeaderMap::new();
                let acl = HeaderValue::from_str(acl)
                    .map_err(|_| Error::config(format!("{acl} is no canned ACL")))?;
                headers.insert("x-amz-acl", acl);
                build(settings, &url, &connections, headers)?
            }
        };
        let http = HttpClient::new(connections);
        let settings = settings.clone();
        Ok(Self(Arc::new(Inner { client, maker, http, settings, url })))
    }

    /// As in Java a bucket that may not be listed, or is elsewhere, is one.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        let mut listed = self.0.client.list(Some(&Path::from(PROBE)));
        let Some(Err(error)) = listed.next().await else { return Ok(()) };
        let text = error.to_string();
        if is_forbidden(&error, &text) && !UNKNOWN_USER.iter().any(|code| text.contains(code)) {
            return Ok(());
        }
        Err(self.fault("looking for the bucket", error))
    }

    pub(super) async fn put(&self, path: &Path, whole: Bytes) -> Result<(), Fault> {
        let put = self.0.maker.put(path, PutPayload::from_bytes(whole)).await;
        put.map(drop).map_err(|error| self.fault(path.as_ref(), error))
    }

    pub(super) async fn begin(&self, path: &Path) -> Result<String, Fault> {
        let id = self.0.maker.create_multipart(path).await;
        id.map_err(|error| self.fault(path.as_ref(), error))
    }

    pub(super) async fn part(
        &self,
        path: &Path,
        id: &str,
        at: usize,
        part: Bytes,
    ) -> Result<PartId, Fault> {
        let part = PutPayload::from_bytes(part);
        let sent = self.0.client.put_part(path, &id.to_owned(), at, part).await;
        sent.map_err(|error| self.fault(path.as_ref(), error))
    }

    pub(super) async fn complete(
        &self,
        path: &Path,
        id: &str,
        parts: Vec<PartId>,
    ) -> Result<(), Fault> {
        let done = self.0.client.complete_multipart(path, &id.to_owned(), parts).await;
        done.map(drop).map_err(|error| self.fault(path.as_ref(), error))
    }

    pub(super) async fn abort(&self, path: &Path, id: &str) {
        if let Err(error) = self.0.client.abort_multipart(path, &id.to_owned()).await {
            tracing::warn!(
                object = %path, %error,
                "an upload could not be given up; a lifecycle rule of the bucket should remove such"
            );
        }
    }

    pub(super) async fn tag(&self, path: &Path, tags: &[(String, String)]) -> Result<(), Fault> {
        let failed = |what: String| {
            Fault::Again(Error::retriable(format!("{path} could not be tagged: {what}")))
        };
        let mut body = String::from("<Tagging><TagSet>");
        for (name, value) in tags {
            body.push_str(&format!(
                "<Tag><Key>{}</Key><Value>{}</Value></Tag>",
                xml(name),
                xml(value)
            ));
        }
        body.push_str("</TagSet></Tagging>");
        let digest = STANDARD.encode(Md5::digest(body.as_bytes()));
        let credential = self.0.client.credentials().get_credential().await;
        let credential = credential.map_err(|error| self.fault(path.as_ref(), error))?;
        let mut request = Request::builder()
            .method(Method::PUT)
            .uri(format!("{}/{}?tagging=", self.0.url, encoded(path.as_ref())))
            .header("content-md5", digest)
            .body(HttpRequestBody::from(body))
            .map_err(|error| failed(error.to_string()))?;
        AwsAuthorizer::new(&credential, "s3", &self.0.settings.region)
            .try_authorize(&mut request, None)
            .map_err(|error| failed(error.to_string()))?;
        let response =
            self.0.http.execute(request).await.map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = response.into_body().bytes().await.unwrap_or_default();
        Err(failed(format!("{status} {}", String::from_utf8_lossy(&body))))
    }

    fn fault(&self, what: &str, error: object_store::Error) -> Fault {
        use object_store::Error as E;
        let S3Settings { bucket, region, .. } = &self.0.settings;
        let text = error.to_string();
        if text.contains("NoSuchBucket") {
            return Fault::Never(Error::connect(format!("Non-existent S3 bucket: {bucket}")));
        }
        match &error {
            E::NotFound { .. } => Fault::Lost(Error::retriable(format!("{what}: {text}"))),
            _ if is_forbidden(&error, &text) => Fault::Never(Error::connect(format!(
                "The store refuses access to bucket {bucket} ({what}): check the access key, its secret, its rights \
                     on the bucket, and the clock of this machine. It said: {text}"
            ))),
            _ if text.contains("Received redirect") => Fault::Never(Error::connect(format!(
                "Bucket {bucket} is not in region {region}: set the region that it is in. It said: {text}"
            ))),
            _ if is_refusal(&text) => {
                Fault::Never(Error::connect(format!("The store refuses {what}: {text}")))
            }
            _ => Fault::Again(Error::retriable(format!("{what}: {text}"))),
        }
    }
}

/// Whether the store says that one must not do it.
fn is_forbidden(error: &object_store::Error, text: &str) -> bool {
    use object_store::Error as E;
    matches!(error, E::PermissionDenied { .. } | E::Unauthenticated { .. })
        || ["status code: 401", "status code: 403"].iter().any(|status| text.contains(status))
}

/// Answers from 400 on but those that pass.
fn is_refusal(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("non-2xx status code: ") else { return false };
    let passes = ["408", "409", "429"].iter().any(|status| rest.starts_with(status));
    rest.starts_with('4') && !passes && !rest.contains("RequestTimeout")
}

/// Amazon's own, or the one that is given, with the bucket in the host's name or behind it.
fn bucket_url(settings: &S3Settings) -> String {
    let S3Settings { bucket, region, path_style, accelerated, .. } = settings;
    let endpoint = match &settings.endpoint {
        Some(endpoint) if endpoint.contains("://") => endpoint.clone(),
        Some(endpoint) => format!("https://{endpoint}"),
        None if *accelerated => "https://s3-accelerate.amazonaws.com".to_owned(),
        None if region.starts_with("cn-") => format!("https://s3.{region}.amazonaws.com.cn"),
        None => format!("https://s3.{region}.amazonaws.com"),
    };
    let endpoint = endpoint.trim_end_matches('/');
    match endpoint.split_once("://") {
        Some((scheme, rest)) if !path_style => format!("{scheme}://{bucket}.{rest}"),
        _ => format!("{endpoint}/{bucket}"),
    }
}

fn opener(settings: &S3Settings, url: &str) -> Result<Opener> {
    let proxy = settings.proxy.as_ref().map(|ProxySettings { host, port, user, password }| Proxy {
        host: host.clone(),
        port: *port,
        authorization: user.as_ref().and_then(|user| {
            basic(user, password.as_ref().map_or("", |password| password.expose()))
        }),
    });
    let store = |location: Option<&String>| TlsStore {
        prefix: "gantry.objects.ssl.truststore.".to_owned(),
        kind: "PEM".to_owned(),
        location: location.cloned(),
        password: None,
        key_password: None,
        key_password_key: String::new(),
        key: None,
        certificates: None,
    };
    let tls = TlsSettings {
        prefix: "gantry.objects.".to_owned(),
        key_store: store(None),
        trust_store: store(settings.trust_file.as_ref()),
        client_auth: gantry_tls::ClientAuth::None,
        protocol: "TLSv1.3".to_owned(),
        protocols: vec!["TLSv1.2".to_owned(), "TLSv1.3".to_owned()],
        cipher_suites: Vec::new(),
    };
    // Credentials may come from other places by HTTPS also where the store is reached without.
    let config = connection_config(&tls, ServerProof::Host, &mut Vec::new());
    let config = match config {
        Ok(config) => Some(config),
        Err(_) if url.starts_with("http://") => None,
        Err(text) => return Err(Error::config(text)),
    };
    Ok(Opener { tls: config, proxy, timeout: CONNECT_TIME })
}

fn build(
    settings: &S3Settings,
    url: &str,
    connections: &Connections,
    headers: HeaderMap,
) -> Result<AmazonS3> {
    let backoff = BackoffConfig {
        init_backoff: settings.backoff.max(Duration::from_millis(1)),
        max_backoff: settings.backoff_max.max(settings.backoff),
        base: 2.0,
    };
    let retry = RetryConfig { backoff, max_retries: settings.retries, retry_timeout: RETRY_TIME };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        // With the bucket in it already: the library adds nothing to it then.
        .with_virtual_hosted_style_request(true)
        .with_endpoint(url)
        .with_allow_http(true)
        .with_retry(retry)
        .with_client_options(
            ClientOptions::new().with_allow_http(true).with_default_headers(headers),
        )
        .with_http_connector(connections.clone());
    let encrypted =
        |builder: AmazonS3Builder, how: &str| match ENCRYPTION.parse::<AmazonS3ConfigKey>() {
            Ok(key) => builder.with_config(key, how),
            Err(_) => builder,
        };
    builder = match &settings.encryption {
        Encryption::None => builder,
        Encryption::Aes256 => encrypted(builder, "AES256"),
        Encryption::Kms(Some(id)) => builder.with_sse_kms_encryption(id),
        Encryption::Kms(None) => encrypted(builder, "aws:kms"),
        Encryption::Customer(key) => builder.with_ssec_encryption(key.expose()),
    };
    if settings.digests {
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    let builder = settings.credentials.apply(builder, connections)?;
    builder.build().map_err(|error| Error::config(format!("The S3 client cannot be made: {error}")))
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A key in a URL.
fn encoded(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(byte.into());
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_from_what_passes() {
        let of =
            |status: &str| format!("x Server returned non-2xx status code: {status}: <Error/>");
        assert!(is_refusal(&of("400 Bad Request")) && is_refusal(&of("405 Method Not Allowed")));
        for passing in ["429 Too Many Requests", "409 Conflict", "503 Slow Down"] {
            assert!(!is_refusal(&of(passing)), "{passing}");
        }
        assert!(!is_refusal("connection refused"));
        assert_eq!(encoded("t+0/ä b"), "t%2B0/%C3%A4%20b");
    }
}
