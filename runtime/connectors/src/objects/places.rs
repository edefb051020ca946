//! Endpoints and providers of credentials, as both connectors name them.

use hyper::Uri;

use super::store::Credentials;

/// The directory of a `file:` URL.
pub(super) fn directory(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("file:")?;
    Some(rest.strip_prefix("//").unwrap_or(rest))
}

/// Whether a URL names a store that can be written to.
pub(super) fn check_endpoint(url: &str) -> Result<(), String> {
    if let Some(directory) = directory(url) {
        return match directory.starts_with('/') {
            true => Ok(()),
            false => Err("a directory is written as file:///its/path".to_owned()),
        };
    }
    let with_scheme = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
    let wrong = "it is no URL of a store that speaks S3's protocol, as https://host:port, nor file:///directory";
    let uri: Uri = with_scheme.parse().map_err(|_| wrong.to_owned())?;
    let fits = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty());
    if fits { Ok(()) } else { Err(wrong.to_owned()) }
}

/// What a class of Amazon's SDK (1 or 2) does.
pub(super) fn provider(class: &str) -> Result<Credentials, String> {
    let short = class.rsplit('.').next().unwrap_or_default();
    let is_amazons = class.starts_with("software.amazon.awssdk.auth.credentials.")
        || class.starts_with("com.amazonaws.auth.");
    match short {
        "AnonymousCredentialsProvider" if is_amazons => Ok(Credentials::Anonymous),
        "DefaultCredentialsProvider"
        | "DefaultAWSCredentialsProviderChain"
        | "EnvironmentVariableCredentialsProvider"
        | "WebIdentityTokenFileCredentialsProvider"
        | "WebIdentityTokenCredentialsProvider"
        | "ProfileCredentialsProvider"
        | "ContainerCredentialsProvider"
        | "EC2ContainerCredentialsProviderWrapper"
        | "InstanceProfileCredentialsProvider"
            if is_amazons || class.starts_with("com.amazonaws.auth.profile.") =>
        {
            Ok(Credentials::Chain)
        }
        _ => Err(
            "it is no provider of credentials that is known here: use DefaultCredentialsProvider of \
             software.amazon.awssdk.auth.credentials, keys, or a role; others run with the Java connector on plugin.path"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for good in [
            "https://minio:9000",
            "http://127.0.0.1:1",
            "s3.example.com",
            "file:///data",
            "file:/data",
        ] {
            assert!(check_endpoint(good).is_ok(), "{good}");
        }
        for bad in ["ftp://x", "file://data", "https://", "gs://bucket"] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
        assert_eq!(directory("file:///data/x"), Some("/data/x"));
    }
}
