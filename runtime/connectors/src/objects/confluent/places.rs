//! The store that Confluent's keys name, and who asks there.

use std::path::PathBuf;
use std::time::Duration;

use gantry_api::Props;
use gantry_api::model::config::ParsedConfig;
use gantry_tls::Secret;
use hyper::Uri;

use super::super::own::{self, Fault, given};
use super::super::places::{check_endpoint, directory, provider};
use super::super::store::{
    Credentials, Encryption, ProxySettings, Role, S3Settings, StoreSettings,
};
use super::keys::*;
use super::{millis, number};

const ASSUME_ROLE: &str = "io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider";
const ROLE_ARN: &str = "s3.credentials.provider.sts.role.arn";
const ROLE_SESSION: &str = "s3.credentials.provider.sts.role.session.name";
const ROLE_EXTERNAL_ID: &str = "s3.credentials.provider.sts.role.external.id";
const ROLE_REGION: &str = "s3.credentials.provider.sts.region";
/// Longest wait between two attempts of one request.
const BACKOFF_MAX: Duration = Duration::from_secs(20);

pub(super) fn check(parsed: &ParsedConfig, props: &Props, faults: &mut Vec<Fault>) {
    if given(parsed, BUCKET).is_none() {
        faults.push(Fault::of(parsed, BUCKET, "it must not be empty"));
    }
    if let Some(url) = given(parsed, STORE_URL)
        && let Err(what) = check_endpoint(url)
    {
        faults.push(Fault::of(parsed, STORE_URL, &what));
    }
    if parsed.boolean(WAN_MODE) {
        if parsed.boolean(PATH_STYLE) {
            let what = "Both accelerate mode and path style access are being enabled. These options are mutually exclusive and \
                        cannot be enabled together. Please disable one of them";
            faults.extend([WAN_MODE, PATH_STYLE].map(|key| Fault::new(key, what)));
        }
        if given(parsed, STORE_URL).is_some() {
            faults.push(Fault::of(
                parsed,
                WAN_MODE,
                "it is Amazon's own endpoint, and store.url names another",
            ));
        }
    }
    if matches!(parsed.string(SSE), Some("aws:fsx" | "aws:kms:dsse")) {
        faults.push(Fault::of(parsed, SSE, "it is not supported: use AES256 or aws:kms"));
    }
    faults.extend(proxy(parsed).err());
    faults.extend(credentials(parsed, props).err());
}

/// Tags as name:value; what has no colon is left out.
pub(super) fn tags(list: &[String]) -> Vec<(String, String)> {
    let split = list.iter().filter_map(|pair| pair.split_once(':'));
    split.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

pub(super) fn store(parsed: &ParsedConfig, props: &Props) -> Result<StoreSettings, Fault> {
    let bucket = parsed.string(BUCKET).unwrap_or_default().to_owned();
    let url = given(parsed, STORE_URL);
    if let Some(directory) = url.and_then(directory) {
        return Ok(StoreSettings::Directory(PathBuf::from(directory), bucket));
    }
    Ok(StoreSettings::S3(Box::new(S3Settings {
        bucket,
        region: parsed.string(REGION).unwrap_or_default().trim().to_ascii_lowercase(),
        endpoint: url.map(str::to_owned),
        path_style: parsed.boolean(PATH_STYLE),
        accelerated: parsed.boolean(WAN_MODE),
        credentials: credentials(parsed, props)?,
        encryption: encryption(parsed),
        digests: parsed.boolean(DIGEST),
        acl: given(parsed, ACL).map(str::to_owned),
        proxy: proxy(parsed)?,
        retries: usize::try_from(number(parsed, PART_RETRIES)).unwrap_or_default(),
        backoff: millis(parsed, S3_BACKOFF),
        backoff_max: BACKOFF_MAX,
        trust_file: given(parsed, own::TRUST_FILE).map(str::to_owned),
    })))
}

fn encryption(parsed: &ParsedConfig) -> Encryption {
    let customer = given(parsed, SSE_CUSTOMER_KEY);
    match (parsed.string(SSE).unwrap_or_default(), customer, given(parsed, SSE_KMS_KEY)) {
        ("AES256", Some(key), _) => Encryption::Customer(Secret::new(key)),
        ("AES256", None, _) => Encryption::Aes256,
        ("aws:kms", _, Some(id)) => Encryption::Kms(Some(id.to_owned())),
        _ => Encryption::None,
    }
}

fn proxy(parsed: &ParsedConfig) -> Result<Option<ProxySettings>, Fault> {
    let Some(text) = given(parsed, PROXY_URL) else { return Ok(None) };
    // The value may hold a password.
    let wrong =
        || Fault::new(PROXY_URL, format!("{PROXY_URL} is no URL of a proxy, as http://host:port"));
    let uri: Uri = text.trim().parse().map_err(|_| wrong())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let login = uri.authority().and_then(|all| Some(all.as_str().rsplit_once('@')?.0.to_owned()));
    let in_url = login.as_deref().map(|login| login.split_once(':').unwrap_or((login, "")));
    let user = given(parsed, PROXY_USER).or_else(|| in_url.map(|(user, _)| user));
    let password = given(parsed, PROXY_PASSWORD).or_else(|| in_url.map(|(_, password)| password));
    Ok(Some(ProxySettings {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: uri.port_u16().unwrap_or(80),
        user: user.map(str::to_owned),
        password: password.map(Secret::new),
    }))
}

fn credentials(parsed: &ParsedConfig, props: &Props) -> Result<Credentials, Fault> {
    let keys = match (given(parsed, ACCESS_KEY), given(parsed, SECRET_KEY)) {
        (Some(key), Some(secret)) => Some(Credentials::Keys(key.to_owned(), Secret::new(secret))),
        _ => None,
    };
    let class = parsed.string(PROVIDER).unwrap_or_default();
    if class == ASSUME_ROLE {
        let text =
            |key: &str| props.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
        let needed = |key: &str| {
            let missing = || Fault::new(PROVIDER, format!("{PROVIDER}={ASSUME_ROLE} needs {key}"));
            text(key).map(str::to_owned).ok_or_else(missing)
        };
        let role = Role {
            arn: needed(ROLE_ARN)?,
            session: needed(ROLE_SESSION)?,
            external_id: text(ROLE_EXTERNAL_ID).map(str::to_owned),
            duration_s: None,
            region: text(ROLE_REGION)
                .or_else(|| parsed.string(REGION))
                .unwrap_or_default()
                .to_owned(),
            endpoint: given(parsed, own::STS_ENDPOINT).map(str::to_owned),
        };
        return Ok(Credentials::Role(role, Box::new(keys.unwrap_or(Credentials::Chain))));
    }
    let found = provider(class).map_err(|what| Fault::of(parsed, PROVIDER, &what))?;
    Ok(keys.unwrap_or(found))
}
