//! Contexts, and what the registry says of itself.

use serde_json::json;

use super::request::{Asked, not_there};
use super::router::{Answer, Outcome};
use crate::error::RegistryError;
use crate::names::{DEFAULT_CONTEXT, context_of, normalize, prefix_of};
use crate::registry::Registry;
use crate::state::Deleted;

/// Lists the contexts.
pub(super) fn contexts(registry: &Registry, asked: &Asked) -> Outcome {
    let state = registry.shared.state();
    let mut contexts = state.contexts();
    contexts.retain(|context| {
        let may_see = |subject: &String| asked.rights.may_read(subject);
        context == DEFAULT_CONTEXT
            || state.subjects(&prefix_of(context), Deleted::With).iter().any(may_see)
    });
    if let Some(prefix) = asked.parameter("contextPrefix") {
        contexts.retain(|context| context.starts_with(prefix));
    }
    Answer::json(&asked.page(contexts, usize::MAX)?)
}

/// Deletes a context that is empty.
pub(super) async fn delete_context(registry: &Registry, context: &str) -> Outcome {
    let context = normalize(context);
    // A subject would stand for the context that it is in; the default context is always there.
    if context.is_empty() || prefix_of(context_of(&context)) != context {
        return Err(not_there());
    }
    registry.delete_context(&context).await?;
    Ok(Answer::Empty)
}

/// Associations of subjects with resources: there are none, and none can be made.
pub(super) fn associations(asked: &Asked, path: &[&str]) -> Outcome {
    match (asked.method.as_str(), path) {
        ("GET", _) => Answer::json(&json!([])),
        ("DELETE", [_, resource]) => {
            let message = format!("Association for '{resource}' not found.");
            Err(RegistryError::new(40410, message))
        }
        _ => {
            let message = "This registry keeps no associations of subjects with resources: name \
                           subjects as a strategy for subject names does, or use config aliases";
            Err(RegistryError::new(501, message))
        }
    }
}

/// What the registry is.
pub(super) fn metadata(registry: &Registry, what: &str) -> Outcome {
    let settings = &registry.shared.settings;
    let clusters = json!({
        "kafka-cluster": settings.cluster_id,
        "schema-registry-cluster": settings.group_id,
    });
    Answer::json(&match what {
        "id" => json!({"id": "", "scope": {"path": [], "clusters": clusters}}),
        "version" => json!({"version": settings.version, "commitId": settings.commit_id}),
        _ => json!({"attributes": []}),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gantry_log::{Log, MemoryLog, TopicPartition};

    use super::*;
    use crate::settings::Settings;

    #[tokio::test]
    async fn only_contexts_are_deleted_as_contexts() {
        let log = Arc::new(MemoryLog::new());
        let registry = Registry::open(Arc::clone(&log) as _, Settings::default()).await.unwrap();
        for other in ["", ".c", "c", ":.:", ":.c:s"] {
            let refused = delete_context(&registry, other).await;
            assert_eq!(refused.unwrap_err(), not_there(), "{other}");
        }
        let written = async || log.range(&TopicPartition::new("_schemas", 0)).await.unwrap().next;
        assert_eq!(written().await, 0);
        delete_context(&registry, ":.c:").await.unwrap();
        assert_eq!(written().await, 1);
    }
}
