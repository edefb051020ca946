//! Where references lead: the documents at hand, and the schemas in them that have a URI or a
//! name.

use std::collections::HashMap;
use std::rc::Rc;

use gantry_schema_model::Node;

use super::uri::{is_valid, join, split_fragment, unescape};
use crate::model::Draft;

/// A place in one of the documents.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) node: &'a Node,
    /// What URIs in it are relative to, without regard to its own.
    pub(crate) base: Rc<str>,
    /// How the document that it is in is read.
    pub(crate) draft: Draft,
    document: usize,
}

impl<'a> Place<'a> {
    /// A place inside of this one.
    pub(crate) fn child(&self, base: &Rc<str>, node: &'a Node) -> Self {
        Self { node, base: Rc::clone(base), draft: self.draft, document: self.document }
    }

    /// Refuses an identifier that is no URI.
    pub(crate) fn check_id(&self) -> Result<(), String> {
        let keyword = self.draft.id_keyword();
        match self.node.get(keyword).and_then(Node::as_text) {
            Some(id) if !is_valid(id) => Err(format!("'{keyword}' is {id}, which is no URI")),
            _ => Ok(()),
        }
    }

    /// What URIs inside of it are relative to.
    pub(crate) fn inner_base(&self) -> Rc<str> {
        match self.node.get(self.draft.id_keyword()).and_then(Node::as_text) {
            Some(id) if !id.starts_with('#') => join(&self.base, split_fragment(id).0).into(),
            _ => Rc::clone(&self.base),
        }
    }
}

/// A document with the name under which others refer to it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) draft: Draft,
}

/// All documents.
#[derive(Debug)]
pub(crate) struct Library<'a> {
    documents: Vec<Place<'a>>,
    /// By URI, or by URI and name behind a `#`.
    named: HashMap<String, Place<'a>>,
}

impl<'a> Library<'a> {
    /// The first document is the one that is loaded; its name is empty.
    pub(crate) fn new(entries: &'a [Entry]) -> Self {
        let mut library = Self { documents: Vec::new(), named: HashMap::new() };
        let mut root_uri: Rc<str> = "".into();
        for (document, Entry { name, node, draft }) in entries.iter().enumerate() {
            let base = join(&root_uri, name);
            let place = Place { node, base: base.as_str().into(), draft: *draft, document };
            if document == 0 {
                root_uri = place.inner_base();
            }
            library.documents.push(place.clone());
            for uri in [split_fragment(&base).0.to_owned(), join("", name), name.clone()] {
                library.named.entry(uri).or_insert_with(|| place.clone());
            }
            library.collect(&place);
        }
        library
    }

    /// Notes all that has a URI or a name of its own.
    fn collect(&mut self, place: &Place<'a>) {
        match place.node {
            Node::Map(map) => {
                let base = place.inner_base();
                let id = place.node.get(place.draft.id_keyword()).and_then(Node::as_text);
                if let Some(id) = id {
                    let name = split_fragment(id).1;
                    if !id.starts_with('#') {
                        self.named.entry(base.to_string()).or_insert_with(|| place.clone());
                    }
                    self.add_name(&base, name, place);
                }
                if place.draft.is_modern() {
                    for keyword in ["$anchor", "$dynamicAnchor"] {
                        if let Some(name) = place.node.get(keyword).and_then(Node::as_text) {
                            self.add_name(&base, name, place);
                        }
                    }
                }
                for (key, value) in map {
                    if !matches!(key.as_str(), "enum" | "const" | "default" | "examples") {
                        self.collect(&place.child(&base, value));
                    }
                }
            }
            Node::List(items) => {
                for item in items {
                    self.collect(&place.child(&place.base, item));
                }
            }
            _ => (),
        }
    }

    fn add_name(&mut self, base: &str, name: &str, place: &Place<'a>) {
        if !name.is_empty() {
            self.named.entry(format!("{base}#{name}")).or_insert_with(|| place.clone());
        }
    }

    /// The document that is loaded.
    pub(crate) fn root(&self) -> Option<Place<'a>> {
        self.documents.first().cloned()
    }

    /// Follows a reference that stands in a place, whose inner base is given.
    pub(crate) fn resolve(
        &self,
        from: &Place<'a>,
        base: &str,
        reference: &str,
    ) -> Result<Place<'a>, String> {
        if !is_valid(reference) {
            return Err(format!("$ref '{reference}' is no URI"));
        }
        let absolute = join(base, reference);
        if let Some(found) = self.named.get(&absolute) {
            return Ok(found.clone());
        }
        let (uri, fragment) = split_fragment(&absolute);
        let written = split_fragment(reference).0;
        let own = self.documents.get(from.document).filter(|_| reference.starts_with('#'));
        // Up to draft 7 a mere fragment is looked for in the whole document, later in what its
        // nearest `$id` stands for. Each finds what the other would miss.
        let in_own = own.filter(|_| !from.draft.is_modern());
        let documents = [
            in_own,
            self.named.get(uri),
            own,
            self.named.get(written).filter(|_| !written.is_empty()),
            self.named.get(&join("", written)).filter(|_| !written.is_empty()),
        ];
        documents
            .into_iter()
            .flatten()
            .find_map(|document| self.within(document, fragment))
            .ok_or_else(|| format!("$ref '{reference}' leads nowhere"))
    }

    /// The place in a document that a fragment names.
    fn within(&self, document: &Place<'a>, fragment: &str) -> Option<Place<'a>> {
        if fragment.is_empty() {
            return Some(document.clone());
        }
        let Some(pointer) = fragment.strip_prefix('/') else {
            return self.named.get(&format!("{}#{fragment}", document.inner_base())).cloned();
        };
        let mut place = document.clone();
        for token in pointer.split('/') {
            let token = unescape(token);
            let base = place.inner_base();
            let node = match place.node {
                // Java's decoder takes a plus for a space.
                Node::Map(_) => {
                    place.node.get(&token).or_else(|| place.node.get(&token.replace('+', " ")))
                }
                Node::List(items) => token.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => None,
            }?;
            place = place.child(&base, node);
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, text: &str, draft: Draft) -> Entry {
        Entry { name: name.to_owned(), node: Node::parse(text).unwrap(), draft }
    }

    fn found(entries: &[Entry], base: &str, reference: &str) -> Result<String, String> {
        let library = Library::new(entries);
        let root = library.root().unwrap();
        library.resolve(&root, base, reference).map(|place| place.node.to_string())
    }

    #[test]
    fn references_lead_to_documents_ids_and_names() {
        let root = r##"{"$id":"http://x.org/root.json","definitions":{
            "a/b":{"type":"null"},"list":[1,2],
            "n":{"$id":"#name","x":1},
            "e":{"$id":"nested/e.json","$defs":{"y":2}}}}"##;
        let entries = [
            entry("", root, Draft::Draft7),
            entry("dep.json", r#"{"definitions":{"d":3}}"#, Draft::Draft7),
            entry("http://y.org/far.json", "4", Draft::Draft7),
        ];
        let base = "http://x.org/root.json";
        let ok = |reference| found(&entries, base, reference).unwrap();
        assert_eq!(ok("#/definitions/a~1b"), r#"{"type":"null"}"#);
        assert_eq!(ok("#/definitions/list/1"), "2");
        assert_eq!(ok("#name"), r##"{"$id":"#name","x":1}"##);
        assert_eq!(ok("nested/e.json#/$defs/y"), "2");
        assert_eq!(ok("dep.json#/definitions/d"), "3");
        assert_eq!(ok("./dep.json#/definitions/d"), "3");
        assert_eq!(ok("http://y.org/far.json"), "4");
        assert!(ok("#").starts_with(r#"{"$id":"http://x.org/root.json""#));
        for reference in ["#/definitions/none", "none.json", "#/definitions/list/7", "#none"] {
            assert!(found(&entries, base, reference).is_err(), "{reference}");
        }
    }

    #[test]
    fn anchors_count_from_2019_on() {
        let text = r#"{"$defs":{"a":{"$anchor":"here","x":1},"p":{"$id":"sub","$anchor":"in"}}}"#;
        let modern = [entry("", text, Draft::Draft202012)];
        assert_eq!(found(&modern, "", "#here").unwrap(), r#"{"$anchor":"here","x":1}"#);
        assert!(found(&modern, "", "sub#in").is_ok());
        assert!(found(&modern, "", "#in").is_err());
        let classic = [entry("", text, Draft::Draft7)];
        assert!(found(&classic, "", "#here").is_err());
    }
}
