//! Which branch of a union a value belongs to.

use gantry_converters::jackson::Node;
use gantry_model::{Kind, Schema};

use super::plan::{Fields, Form, Plan};

/// The branch for a value: the first whose type it has, else the struct of which it has the most
/// fields.
pub(crate) fn branch(fields: &Fields, node: &Node<'_>) -> Option<usize> {
    let mut most = 0;
    let mut best = None;
    for (at, field) in fields.list.iter().enumerate() {
        if has_type(&field.plan, node) {
            return Some(at);
        }
        let count = fields_in_common(&field.plan.schema, node);
        if count > most {
            most = count;
            best = Some(at);
        }
    }
    best
}

fn has_type(plan: &Plan, node: &Node<'_>) -> bool {
    match (plan.schema.kind(), node) {
        (Kind::Boolean, Node::Boolean(_)) | (Kind::String, Node::String(_)) => true,
        (Kind::Int64, Node::Number(number)) if matches!(plan.form, Form::Int64) => {
            number.is_integral()
        }
        (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64, Node::Number(number)) => {
            // One that a narrow type does not hold may be for the next branch.
            let fits = match plan.form {
                Form::Int8 => number.text().parse::<i8>().is_ok(),
                Form::Int16 => number.text().parse::<i16>().is_ok(),
                Form::Int32 | Form::Date | Form::Time => number.is_int(),
                _ => true,
            };
            number.is_integral() && fits
        }
        (Kind::Float32 | Kind::Float64, Node::Number(_)) => true,
        // Whole numbers and texts of base64 are none of theirs for Confluent's converter.
        (Kind::Bytes, Node::Number(number)) => !number.is_integral(),
        (Kind::Array(_), Node::Array(_)) => true,
        (Kind::Map { .. }, Node::Array(_) | Node::Object(_)) => true,
        _ => false,
    }
}

/// How many fields an object and a struct have in common, with those of structs within.
fn fields_in_common(schema: &Schema, node: &Node<'_>) -> usize {
    let (Some(fields), Node::Object(object)) = (schema.fields(), node) else { return 0 };
    let common = object.fields().iter().filter_map(|(name, node)| Some((fields.get(name)?, node)));
    common.map(|(field, node)| 1 + fields_in_common(&field.schema, node)).sum()
}
