//! Variables of configurations, filled in beside the worker's own threads: a provider reads files,
//! and the file system below may hang.

use std::time::Duration;

use gantry_api::model::config::provider::{Providers, substitute, variables};
use gantry_api::{Error, Props, Result};
use tokio::sync::Semaphore;

/// The longest that providers may take for one configuration.
const RESOLVE_LIMIT: Duration = Duration::from_secs(30);
/// Configurations that are filled in at the same time; one that hangs keeps its place.
const RESOLVING_MAX: usize = 32;

static PLACES: Semaphore = Semaphore::const_new(RESOLVING_MAX);

/// Replaces `${provider:path:key}` by the values of the configured providers. Fails as the
/// provider does, and where none answers in time.
pub(crate) async fn resolve(config: &Props, providers: &Providers) -> Result<Props> {
    resolve_within(RESOLVE_LIMIT, config, providers).await
}

async fn resolve_within(limit: Duration, config: &Props, providers: &Providers) -> Result<Props> {
    let mut variables = config.values().flat_map(|value| variables(value));
    if !variables.any(|variable| providers.contains_key(variable.provider)) {
        return Ok(config.clone());
    }
    let (config, providers) = (config.clone(), providers.clone());
    let filled = async move {
        let place = PLACES.acquire().await;
        let filling = tokio::task::spawn_blocking(move || {
            let _place = place;
            substitute(&config, &providers)
        });
        filling.await.unwrap_or_else(|error| {
            Err(Error::connect(format!("a config provider broke off: {error}")))
        })
    };
    tokio::time::timeout(limit, filled).await.unwrap_or_else(|_| {
        Err(Error::config(format!(
            "The config providers did not answer within {} s: look whether the file systems that \
             the variables of this configuration name can be read",
            limit.as_secs()
        )))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, sync_channel};

    use gantry_api::ConfigProvider;

    use super::*;

    /// Answers once its sender is gone.
    pub(crate) struct Hanging(pub(crate) std::sync::Mutex<Receiver<()>>);

    impl ConfigProvider for Hanging {
        fn get(&self, _path: &str, keys: &[&str]) -> Result<BTreeMap<String, String>> {
            let _ = self.0.lock().expect("one caller").recv();
            Ok(keys.iter().map(|key| ((*key).to_owned(), "found".to_owned())).collect())
        }
    }

    #[tokio::test]
    async fn a_provider_that_hangs_holds_up_nobody() {
        let (open, gate) = sync_channel::<()>(0);
        let hanging: Arc<dyn ConfigProvider> = Arc::new(Hanging(gate.into()));
        let providers = Providers::from([("p".to_owned(), hanging)]);
        let config = Props::from([("k".to_owned(), "${p:a:b}".to_owned())]);
        // On the one thread of this test: were it blocked, the limit would never pass.
        let refused = resolve_within(Duration::ZERO, &config, &providers).await.unwrap_err();
        assert!(refused.message().starts_with("The config providers did not answer"), "{refused}");
        let plain = Props::from([("k".to_owned(), "${other:a:b}".to_owned())]);
        assert_eq!(resolve(&plain, &providers).await.unwrap(), plain);
        drop(open);
        assert_eq!(resolve(&config, &providers).await.unwrap()["k"], "found");
    }
}
