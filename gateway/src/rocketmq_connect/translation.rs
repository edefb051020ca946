//! A configuration on its way from RocketMQ Connect's keys to Kafka Connect's.

use gantry_api::Props;

/// What became of a configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Translation {
    /// The configuration in Kafka Connect's keys.
    pub(crate) config: Props,
    /// What was translated, as `theirs as ours`. Empty: nothing in it was RocketMQ Connect's.
    pub(crate) mapped: Vec<String>,
    /// A sentence for each key that was left out, or that does less here than it does there.
    pub(crate) warnings: Vec<String>,
}

impl Translation {
    /// Nothing translated yet.
    pub(super) fn of(config: &Props) -> Self {
        Self { config: config.clone(), ..Self::default() }
    }

    /// The value of a key without blanks around it.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(|value| value.trim())
    }

    /// Moves the value of `theirs` to `ours`, made over by `convert`. Both keys with different
    /// values are an error that names them.
    pub(super) fn rename(
        &mut self,
        theirs: &str,
        ours: &str,
        convert: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<(), String> {
        let Some(given) = self.config.remove(theirs) else { return Ok(()) };
        let value = convert(given.trim())?;
        match self.get(ours) {
            Some(there) if there != value => Err(format!(
                "{theirs}={given} and {ours}={there} contradict each other: {ours} is Kafka \
                 Connect's name for {theirs}. Keep one of the two"
            )),
            _ => {
                self.config.insert(ours.to_owned(), value);
                self.mapped.push(format!("{theirs} as {ours}"));
                Ok(())
            }
        }
    }

    /// As [`Translation::rename`] for a secret, which no message shows.
    pub(super) fn rename_secret(&mut self, theirs: &str, ours: &str) -> Result<(), String> {
        let Some(given) = self.config.remove(theirs) else { return Ok(()) };
        match self.get(ours) {
            Some(there) if there != given.trim() => Err(format!(
                "{theirs} and {ours} have different values: they are one setting. Keep one of \
                 the two"
            )),
            _ => {
                self.config.insert(ours.to_owned(), given);
                self.mapped.push(format!("{theirs} as {ours}"));
                Ok(())
            }
        }
    }

    /// Puts the class `ours` in place of `theirs`, which `key` names.
    pub(super) fn replace_class(&mut self, key: &str, theirs: &str, ours: &str) {
        self.config.insert(key.to_owned(), ours.to_owned());
        self.mapped.push(format!("{key}={theirs} as {ours}"));
    }

    /// Takes a key out, with a warning that says why, if it is there.
    pub(super) fn leave_out(&mut self, key: &str, why: &str) {
        if self.config.remove(key).is_some() {
            self.warnings.push(format!("{key} is left out: {why}"));
        }
    }

    /// Logs what became of a connector's configuration.
    pub(crate) fn log(&self, connector: &str) {
        if let Some(summary) = self.summary() {
            tracing::info!(connector, "{summary}");
        }
        for warning in &self.warnings {
            tracing::warn!(connector, "{warning}");
        }
    }

    /// What was translated as one sentence; `None` if nothing was.
    pub(crate) fn summary(&self) -> Option<String> {
        if self.mapped.is_empty() {
            return None;
        }
        Some(format!("keys of RocketMQ Connect are read: {}", self.mapped.join(", ")))
    }
}
