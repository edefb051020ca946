//! Objects and properties of JSON Schemas.

use gantry_schema_model::Node;

use super::Entity;

type Visit<'a> = &'a mut dyn FnMut(Entity, &mut Node);

/// Calls `visit` with each object and property, and its schema.
pub(super) fn walk(node: &mut Node, visit: Visit<'_>) {
    schema(node, "", false, visit);
}

/// A schema below `scope`, the path of what holds it. An object that a property is has the tags
/// of the property.
fn schema(node: &mut Node, scope: &str, is_property: bool, visit: Visit<'_>) {
    let is_object = node.get("type").and_then(Node::as_text) == Some("object")
        || node.get("properties").is_some();
    let path = format!("{scope}object");
    if is_object && !is_property {
        visit(Entity::record(path.clone()), node);
    }
    let Node::Map(members) = node else { return };
    for (name, value) in members {
        match (name.as_str(), value) {
            ("properties", Node::Map(properties)) if is_object => {
                for (property, inner) in properties {
                    let path = format!("{path}.{property}");
                    visit(Entity::field(path.clone()), inner);
                    schema(inner, &format!("{path}."), true, visit);
                }
            }
            ("definitions" | "$defs", Node::Map(definitions)) => {
                for (definition, inner) in definitions {
                    schema(inner, &format!("{path}.{name}.{definition}."), false, visit);
                }
            }
            ("allOf" | "anyOf" | "oneOf", Node::List(branches)) => {
                let name = name.to_ascii_lowercase();
                for (at, branch) in branches.iter_mut().enumerate() {
                    schema(branch, &format!("{scope}{name}.{at}."), false, visit);
                }
            }
            ("items", items @ Node::Map(_)) => {
                schema(items, &format!("{scope}array."), false, visit);
            }
            ("if" | "then" | "else", branch) => {
                schema(branch, &format!("{scope}conditional.{name}."), false, visit);
            }
            ("not", branch) => schema(branch, &format!("{scope}not."), false, visit),
            _ => {}
        }
    }
}
