//! Contexts, and what the registry says of itself.

use serde_json::json;

use super::request::Asked;
use super::router::{Answer, Outcome};
use crate::error::RegistryError;
use crate::names::{DEFAULT_CONTEXT, normalize, prefix_of};
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
    registry.delete_context(&normalize(context)).await?;
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
