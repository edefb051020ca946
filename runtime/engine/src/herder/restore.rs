//! Connectors of an earlier process, started again.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;

use super::Herder;
use super::connector::RunningConnector;
use super::store::Stored;

/// Connectors that start at the same time.
const STARTING_MAX: usize = 16;

impl Herder {
    /// Shows the stored connectors at once and starts them in the background: one that takes
    /// long to start holds up neither the others nor the REST API.
    pub(super) fn restore(self: &Arc<Self>, stored: BTreeMap<String, Stored>) {
        if stored.is_empty() {
            return;
        }
        tracing::info!(connectors = stored.len(), "starting the connectors that were there before");
        let names: Vec<String> = stored.keys().cloned().collect();
        let connectors = stored.into_iter().map(|(name, Stored { config, target })| {
            let plugin = self.plugin_for(&config).ok();
            let masked = self.masked_keys(plugin.as_ref(), &config);
            let mut connector =
                RunningConnector::new(&name, config, plugin, target, Arc::default());
            connector.masked = masked;
            (name, connector)
        });
        *self.lock() = connectors.collect();
        let me = self.me.clone();
        tokio::spawn(futures_util::stream::iter(names).for_each_concurrent(
            STARTING_MAX,
            move |name| {
                let me = me.clone();
                async move {
                    if let Some(herder) = me.upgrade() {
                        herder.start_restored(&name).await;
                    }
                }
            },
        ));
    }

    async fn start_restored(&self, name: &str) {
        // Refused only once the worker stops.
        let Ok(_changing) = self.locks.lock(name).await else { return };
        // It may have been changed or deleted meanwhile.
        if self.lock().get(name).is_some_and(|connector| !connector.launched)
            && let Err(error) = self.relaunch(name).await
        {
            tracing::error!(connector = name, %error, "connector not started");
        }
    }
}
