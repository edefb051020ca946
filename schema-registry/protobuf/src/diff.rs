//! What keeps data of one schema from being read with another.

mod context;
mod difference;
mod field;
mod message;

pub use difference::{Difference, DifferenceKind};

use crate::element::ProtoFile;
use crate::scope::Types;
use context::{Context, Side};

/// A schema: its file and those that it depends on.
pub(crate) type Schema<'a> = (&'a ProtoFile, &'a [(String, ProtoFile)]);

/// The differences that keep `update` from reading what was written with `original`.
pub(crate) fn compare(original: Schema<'_>, update: Schema<'_>) -> Vec<Difference> {
    let original_types = Types::of(original.0, original.1);
    let update_types = Types::of(update.0, update.1);
    let mut context = Context::new(
        Side { types: &original_types, package: original.0.package_name() },
        Side { types: &update_types, package: update.0.package_name() },
        original.1 == update.1,
    );
    if original.0.package != update.0.package {
        context.add(DifferenceKind::PackageChanged);
    }
    message::compare_types(&mut context, &original.0.types, &update.0.types);
    while let Some(pair) = context.next_deferred() {
        context.elsewhere(pair, message::compare_messages);
    }
    context.differences
}

#[cfg(test)]
mod tests;
