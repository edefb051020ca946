//! Properties of tasks: as a task gets them, as it may get them again, and as they are shown.

use std::sync::Arc;

use gantry_api::Props;
use gantry_api::model::config::provider::variables;

/// The properties of one task.
#[derive(Debug)]
pub(crate) struct TaskProps {
    /// As the task gets them.
    pub(super) props: Props,
    /// The same with the user's variables where a value is what they stand for: a task that
    /// starts again gets what they stand for by then, and keeps what is its own.
    template: Props,
}

impl TaskProps {
    /// The properties with the user's variables where a value is what they stand for.
    pub(crate) fn template(&self) -> &Props {
        &self.template
    }

    /// Of a connector that was started with `resolved`, which is `config` with its variables
    /// filled in.
    pub(super) fn new(props: Props, config: &Props, resolved: &Props) -> Self {
        let template = props
            .iter()
            .map(|(key, value)| match variable(config, key) {
                Some(text) if resolved.get(key) == Some(value) => (key.clone(), text.clone()),
                _ => (key.clone(), value.clone()),
            })
            .collect();
        Self { props, template }
    }
}

/// A task's properties as they may be shown: no value that a variable of the connector's stands
/// for, and none in its place.
pub(super) fn shown(template: &Props, config: &Props) -> Props {
    let show = |(key, value): (&String, &String)| {
        (key.clone(), variable(config, key).unwrap_or(value).clone())
    };
    template.iter().map(show).collect()
}

/// The user's text of a key, if it has a variable.
fn variable<'a>(config: &'a Props, key: &str) -> Option<&'a String> {
    config.get(key).filter(|text| !variables(text).is_empty())
}

/// The properties of a connector's tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskConfigs {
    templates: Arc<Vec<Props>>,
    /// The same object where no key has a variable.
    shown: Arc<Vec<Props>>,
}

impl TaskConfigs {
    /// Of the tasks of a connector with that configuration.
    pub(super) fn of(tasks: &[TaskProps], config: &Props) -> Self {
        let templates: Arc<Vec<Props>> =
            Arc::new(tasks.iter().map(|task| task.template.clone()).collect());
        if config.keys().all(|key| variable(config, key).is_none()) {
            return Self { shown: Arc::clone(&templates), templates };
        }
        // A task's own value may be made of the secret.
        let shown = templates.iter().map(|task| shown(task, config)).collect();
        Self { templates, shown: Arc::new(shown) }
    }
    /// Whether the tasks have the same properties as those; what variables stand for may have
    /// changed.
    pub(super) fn are(&self, tasks: &[TaskProps]) -> bool {
        self.templates.iter().eq(tasks.iter().map(|task| &task.template))
    }
    /// How many tasks there are.
    pub(super) fn len(&self) -> usize {
        self.templates.len()
    }
    /// What a task is started with again, its variables not yet filled in.
    pub(super) fn template(&self, task: u32) -> Props {
        self.templates.get(task as usize).cloned().unwrap_or_default()
    }
    /// As they may be shown: no value that a variable stands for, and none in its place.
    pub(super) fn shown(&self) -> &[Props] {
        &self.shown
    }
}
