//! Records and fields of Avro schemas.

use gantry_schema_model::Node;

use super::Entity;

/// Calls `visit` with each record and field, and its object.
pub(super) fn walk(node: &mut Node, visit: &mut dyn FnMut(Entity, &mut Node)) {
    schema(node, "", visit);
}

fn text(node: &Node, member: &str) -> Option<String> {
    node.get(member)?.as_text().map(str::to_owned)
}

fn member<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let Node::Map(members) = node else { return None };
    members.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// A schema that stands in a namespace.
fn schema(node: &mut Node, namespace: &str, visit: &mut dyn FnMut(Entity, &mut Node)) {
    if let Node::List(branches) = node {
        for branch in branches {
            schema(branch, namespace, visit);
        }
        return;
    }
    let inner = match text(node, "type").as_deref() {
        Some("record" | "error") => return record(node, namespace, visit),
        Some("array") => "items",
        Some("map") => "values",
        None => "type",
        _ => return,
    };
    if let Some(inner) = member(node, inner) {
        schema(inner, namespace, visit);
    }
}

fn record(node: &mut Node, namespace: &str, visit: &mut dyn FnMut(Entity, &mut Node)) {
    let name = text(node, "name").unwrap_or_default();
    let namespace = text(node, "namespace").unwrap_or_else(|| namespace.to_owned());
    // A name with dots says its namespace itself.
    let (namespace, name) = match name.rsplit_once('.') {
        Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
        None => (namespace, name),
    };
    let full = if namespace.is_empty() { name.clone() } else { format!("{namespace}.{name}") };
    visit(Entity::record(full.clone()).or(name.clone()), node);
    let Some(Node::List(fields)) = member(node, "fields") else { return };
    for field in fields {
        let own = text(field, "name").unwrap_or_default();
        visit(Entity::field(format!("{full}.{own}")).or(format!("{name}.{own}")), field);
        if let Some(inner) = member(field, "type") {
            schema(inner, &namespace, visit);
        }
    }
}
