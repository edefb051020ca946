//! Who asks: keys of the configuration, or where Amazon's clients look for them.

use std::path::PathBuf;
use std::sync::Arc;

use gantry_api::{Error, Result};
use gantry_tls::Secret;
use object_store::StaticCredentialProvider;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, AwsCredentialProvider};

use super::assume_role::AssumeRole;
use super::http::Connections;

/// A role that is assumed.
#[derive(Clone, Debug)]
pub(in crate::objects) struct Role {
    pub(in crate::objects) arn: String,
    pub(in crate::objects) session: String,
    pub(in crate::objects) external_id: Option<String>,
    pub(in crate::objects) duration_s: Option<u32>,
    pub(in crate::objects) region: String,
    /// None: Amazon's own of the region.
    pub(in crate::objects) endpoint: Option<String>,
}

/// Where keys come from.
#[derive(Clone, Debug)]
pub(in crate::objects) enum Credentials {
    /// An access key and its secret.
    Keys(String, Secret),
    /// The worker's environment, a token of Kubernetes, `~/.aws/credentials`, or the machine that it runs on.
    Chain,
    /// None are sent.
    Anonymous,
    /// Keys of a role, for which the inner ones ask.
    Role(Role, Box<Credentials>),
}

impl Credentials {
    /// Gives a builder what it needs to sign with these.
    pub(super) fn apply(
        &self,
        builder: AmazonS3Builder,
        connections: &Connections,
    ) -> Result<AmazonS3Builder> {
        Ok(match self {
            Self::Anonymous => builder.with_skip_signature(true),
            _ => builder.with_credentials(self.provider(connections)?),
        })
    }

    fn provider(&self, connections: &Connections) -> Result<AwsCredentialProvider> {
        match self {
            Self::Keys(key, secret) => Ok(fixed(key, secret.expose(), None)),
            Self::Chain => chain(connections),
            Self::Anonymous => Err(Error::config("a role needs credentials that may assume it")),
            Self::Role(role, inner) => {
                let inner = inner.provider(connections)?;
                Ok(Arc::new(AssumeRole::new(role.clone(), inner, connections.clone())))
            }
        }
    }
}

fn fixed(key: &str, secret: &str, token: Option<&str>) -> AwsCredentialProvider {
    Arc::new(StaticCredentialProvider::new(AwsCredential {
        key_id: key.to_owned(),
        secret_key: secret.to_owned(),
        token: token.map(str::to_owned),
    }))
}

/// What Amazon's clients do without being told.
fn chain(connections: &Connections) -> Result<AwsCredentialProvider> {
    use AmazonS3ConfigKey as Key;
    let from_env = AmazonS3Builder::from_env();
    let has = |key: Key| from_env.get_config_value(&key).is_some();
    let has_own = has(Key::AccessKeyId)
        || (has(Key::WebIdentityTokenFile) && has(Key::RoleArn))
        || has(Key::ContainerCredentialsRelativeUri)
        || has(Key::ContainerCredentialsFullUri);
    if !has_own && let Some(found) = profile() {
        return Ok(found);
    }
    // Only its credentials are used: the bucket and all else are those of the configuration.
    let built = from_env.with_bucket_name("none").with_http_connector(connections.clone()).build();
    let built = built.map_err(|error| {
        Error::config(format!(
            "The AWS variables of the worker's environment cannot be used: {error}"
        ))
    })?;
    Ok(Arc::clone(built.credentials()))
}

/// The default profile of `~/.aws/credentials`.
fn profile() -> Option<AwsCredentialProvider> {
    let place: PathBuf = std::env::home_dir()?.join(".aws").join("credentials");
    let text = std::fs::read_to_string(place).ok()?;
    let [key, secret, token] = profile_keys(&text);
    Some(fixed(key?, secret?, token))
}

fn profile_keys(text: &str) -> [Option<&str>; 3] {
    let mut found = [None; 3];
    let mut is_default = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_default = line.trim_matches(['[', ']']).trim() == "default";
        } else if is_default && let Some((name, value)) = line.split_once('=') {
            let names = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
            if let Some(at) = names.iter().position(|known| *known == name.trim()) {
                found[at] = Some(value.trim());
            }
        }
    }
    found
}

/// Asks a provider; for those that stand on another.
pub(super) async fn ask(
    provider: &AwsCredentialProvider,
) -> object_store::Result<Arc<AwsCredential>> {
    provider.get_credential().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_is_read() {
        let text = "[other]\naws_access_key_id=x\n[ default ]\naws_access_key_id = AK \naws_secret_access_key=a=b\n[z]\n";
        assert_eq!(profile_keys(text), [Some("AK"), Some("a=b"), None]);
    }
}
