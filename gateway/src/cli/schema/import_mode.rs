//! The mode in which a registry takes ids and versions as they are given, and the way back.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value as Json, json};

use super::interrupt::Interrupt;
use super::parallel::{in_parallel, lock};
use super::registry::{Registry, Rule, mode_of};
use crate::cli::client::Failure;

const IMPORT: &str = "IMPORT";

/// The modes as they were, of what is in IMPORT mode now; nothing is one that was not set.
#[derive(Default)]
pub(super) struct Modes {
    before: Mutex<Vec<(String, Option<String>)>>,
}

/// Sets a config or a mode.
pub(super) fn set(target: &Registry, rule: Rule, name: &str, body: &Json) -> Result<(), String> {
    // IMPORT as a mode of the source: the target is not empty any more.
    let force = if mode_of(body) == IMPORT { "?force=true" } else { "" };
    let path = rule.path(name) + force;
    match target.patiently("PUT", &path, Some(body)) {
        Ok(_) => Ok(()),
        Err(failure) => Err(format!("PUT {path}: {}", String::from(failure))),
    }
}

impl Modes {
    /// Puts names into IMPORT mode. The registry itself refuses where something is there, unless
    /// it is told that this is known.
    pub(super) fn open(
        &mut self,
        target: &Registry,
        names: &[String],
        is_known: bool,
        interrupt: &Interrupt,
    ) -> Result<(), String> {
        in_parallel(names, |name| {
            interrupt.check()?;
            let before = target.set_for(Rule::Mode, name)?;
            let before = before.as_ref().map(|before| mode_of(before).to_owned());
            if before.as_deref() == Some(IMPORT) {
                return Ok(());
            }
            let path = format!("{}?force={is_known}", Rule::Mode.path(name));
            // Also where no answer comes it may be changed.
            lock(&self.before).push((name.clone(), before));
            match target.patiently("PUT", &path, Some(&json!({ "mode": IMPORT }))) {
                Ok(_) => Ok(()),
                Err(Failure::Refused(refusal)) => {
                    lock(&self.before).retain(|(known, _)| known != name);
                    Err(format!(
                        "the target cannot be put into IMPORT mode, without which it takes no \
                         ids: {} (PUT {path}, status {}). Confluent's needs mode.mutability=true; \
                         others may not have this mode",
                        refusal.message, refusal.status
                    ))
                }
                Err(failure) => Err(failure.into()),
            }
        })?;
        Ok(())
    }

    /// Puts all modes back.
    pub(super) fn restore(self, target: &Registry) -> Result<(), String> {
        let before = self.before.into_inner().unwrap_or_else(PoisonError::into_inner);
        let failed = Mutex::new(Vec::new());
        in_parallel(&before, |(name, mode)| {
            if let Err(why) = put_back(target, name, mode.as_deref()) {
                let path = Rule::Mode.path(name);
                let mode = mode.as_deref().unwrap_or("READWRITE");
                lock(&failed).push(format!(
                    "{path} is still IMPORT ({why}): PUT {}{path} with {{\"mode\":\"{mode}\"}}",
                    target.client.base()
                ));
            }
            Ok(())
        })?;
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
    }
}

/// What is in IMPORT mode, and not because of this import: one that was killed may have left it
/// so.
pub(super) fn left_open(target: &Registry, names: &[String]) -> Result<Vec<String>, String> {
    let notes = in_parallel(names, |name| {
        let mode = target.set_for(Rule::Mode, name)?;
        let is_open = mode.as_ref().is_some_and(|mode| mode_of(mode) == IMPORT);
        let path = Rule::Mode.path(name);
        Ok(is_open.then(|| {
            format!(
                "{path} of the target was IMPORT before, and still is. If an import that was \
                 killed left it so: PUT {}{path} with {{\"mode\":\"READWRITE\"}}",
                target.client.base()
            )
        }))
    })?;
    Ok(notes.into_iter().flatten().collect())
}

fn put_back(target: &Registry, name: &str, mode: Option<&str>) -> Result<(), String> {
    let Some(mode) = mode else {
        return match target.patiently("DELETE", &Rule::Mode.path(name), None) {
            // The mode of a subject goes with its last version.
            Err(Failure::Refused(refusal)) if refusal.status == 404 && !name.is_empty() => Ok(()),
            // Not every registry lets go of that of the default context.
            Err(Failure::Refused(_)) if name.is_empty() => {
                set(target, Rule::Mode, name, &json!({ "mode": "READWRITE" }))
            }
            outcome => outcome.map(drop).map_err(String::from),
        };
    };
    set(target, Rule::Mode, name, &json!({ "mode": mode }))
}
