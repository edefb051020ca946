//! Changes modes.

use super::Verdict;
use crate::config::Mode;
use crate::error::RegistryError;
use crate::names::{GLOBAL_CONTEXT, Qualified, context_of, is_global_context};
use crate::records::Draft;
use crate::shared::Shared;
use crate::state::Deleted;

/// The mode of exactly this name; an empty one is that of the default context.
pub(crate) fn of(shared: &Shared, name: &str) -> Option<Mode> {
    let mode = shared.state().mode(name);
    let has_default = name.is_empty() || context_of(name) == GLOBAL_CONTEXT;
    mode.or_else(|| has_default.then_some(Mode::ReadWrite))
}

fn check_mutable(shared: &Shared) -> Result<(), RegistryError> {
    if shared.settings.mode_mutability {
        Ok(())
    } else {
        Err(RegistryError::not_permitted("Mode changes are not allowed"))
    }
}

/// What a mode is called in a request; nothing takes the mode away.
pub(crate) fn named(name: &str, mode: Option<&str>) -> Result<Option<Mode>, RegistryError> {
    let Some(mode) = mode else { return Ok(None) };
    let mode = Mode::named(mode).ok_or_else(RegistryError::invalid_mode)?;
    if mode == Mode::Forward && !is_global_context(name) {
        let message = "Forward mode only supported on global level";
        return Err(RegistryError::new(42204, message));
    }
    Ok(Some(mode))
}

/// Judges the change of a mode.
pub(crate) fn set(
    shared: &Shared,
    name: &str,
    mode: Option<Mode>,
    force: bool,
) -> Result<Verdict<()>, RegistryError> {
    check_mutable(shared)?;
    let mut expect = shared.state().expect_rules(name);
    let is_entered =
        mode == Some(Mode::Import) && shared.state().mode_in_scope(name) != Mode::Import && !force;
    if is_entered {
        shared.state().add_named(&mut expect, name);
        check_empty(shared, name)?;
    }
    let draft = Draft::mode(name, mode.map(Mode::name), is_entered, false);
    Ok(Verdict::write(draft, expect, ()))
}

/// Who imports says all ids: nothing may be there, and what was deleted goes for good.
fn check_empty(shared: &Shared, name: &str) -> Result<(), RegistryError> {
    let name = (!name.is_empty()).then_some(name);
    if shared.state().has_subjects(name, false) {
        let message = "Cannot import since found existing subjects";
        return Err(RegistryError::not_permitted(message));
    }
    let subjects = shared.state().subjects_named(name);
    for subject in subjects {
        for stored in shared.state().versions(&subject, Deleted::With) {
            let version = stored.schema.version;
            if !shared.state().referrers(&subject, version, true).is_empty() {
                return Err(RegistryError::reference_exists(&subject, version));
            }
        }
    }
    Ok(())
}

/// Judges the removal of a mode, with those of all subjects of a context if asked for; gives what
/// it was.
pub(crate) fn delete(
    shared: &Shared,
    name: &str,
    recursive: bool,
) -> Result<Verdict<Option<Mode>>, RegistryError> {
    let expect = shared.state().expect_rules(name);
    let old = of(shared, name);
    if old.is_none() && !recursive {
        return Err(RegistryError::subject_not_found(name));
    }
    check_mutable(shared)?;
    let recursive = recursive && Qualified::of(name).subject.is_empty();
    if !recursive && shared.state().mode(name).is_none() {
        return Ok(Verdict::Answer(old));
    }
    Ok(Verdict::write(Draft::mode(name, None, false, recursive), expect, old))
}
