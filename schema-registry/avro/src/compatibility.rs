//! What keeps a schema from reading what was written with another one, by the rules of Avro's
//! Java library and in the words of Confluent's registry.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use crate::model::{Definition, Field, Kind, Primitive, Type, TypeId, Types};
use crate::name::Name;
use crate::walk::MAX_LEVELS;
use crate::write;

/// A difference counts again wherever its types are used again, so differences can multiply: no
/// more than this are said.
const MAX_DIFFERENCES: usize = 10_000;
/// So many may be kept for all pairs of types together; of more, one for each pair.
const MAX_KEPT: usize = 4_000_000;
/// Every branch of a union is compared with every other, and each of them may be large: no more
/// pairs of types and fields than this beyond what schemas without unions need.
const MAX_PAIRS: usize = 150_000;

/// Sentences, one for each difference; none if the types are compatible.
type Differences = Vec<Rc<str>>;
/// An error ends the comparison.
type Result<T> = std::result::Result<T, String>;

/// A schema that takes part.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) types: &'a Types,
    pub(crate) root: &'a Type,
}

/// What keeps `reader` from reading what was written with `writer`. In a sentence, the first
/// `%s` stands for the word that tells the reader, and the second for that of the writer.
pub(crate) fn incompatibilities(reader: Side<'_>, writer: Side<'_>) -> Vec<String> {
    let mut checker = Checker {
        reader: reader.types,
        writer: writer.types,
        known: HashMap::new(),
        kept: 0,
        depth: 0,
        pairs_left: MAX_PAIRS + size(reader.types) + size(writer.types),
    };
    match checker.compare(&mut Vec::new(), reader.root, writer.root) {
        Ok(differences) => differences.iter().map(|sentence| sentence.to_string()).collect(),
        Err(error) => vec![format!("Unexpected exception during compatibility check: {error}")],
    }
}

/// What makes a type this one and no other: its definition, or else its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    Definition(TypeId),
    Place(usize),
}

impl Identity {
    fn of(schema: &Type) -> Self {
        match schema {
            Type::Named(id) => Self::Definition(*id),
            other => Self::Place(std::ptr::from_ref(other).addr()),
        }
    }
}

struct Checker<'a> {
    reader: &'a Types,
    writer: &'a Types,
    /// Of types that were compared: they are not compared again, even if they are used at
    /// another path. None while they are compared.
    known: HashMap<(Identity, Identity), Option<Rc<Differences>>>,
    /// How many differences are in `known`.
    kept: usize,
    depth: usize,
    /// How many pairs may still be compared.
    pairs_left: usize,
}

/// How many types and fields there are, with room for each to be met on two ways.
fn size(types: &Types) -> usize {
    let fields = |definition: &Definition| match &definition.kind {
        Kind::Record { fields, .. } => fields.len(),
        _ => 0,
    };
    types.iter().map(|(_, definition)| 2 + 2 * fields(definition)).sum()
}

/// The parts of a JSON pointer.
type Path = Vec<String>;

impl<'a> Checker<'a> {
    /// Compares at a path that leads to `part` of what is at `path`.
    fn compare_part(
        &mut self,
        path: &mut Path,
        part: &str,
        reader: &'a Type,
        writer: &'a Type,
    ) -> Result<Rc<Differences>> {
        path.push(part.to_owned());
        let differences = self.compare(path, reader, writer);
        path.pop();
        differences
    }

    fn compare(
        &mut self,
        path: &mut Path,
        reader: &'a Type,
        writer: &'a Type,
    ) -> Result<Rc<Differences>> {
        let pair = (Identity::of(reader), Identity::of(writer));
        match self.known.get(&pair) {
            Some(Some(differences)) => return Ok(Rc::clone(differences)),
            // They are compatible unless something else within them is not.
            Some(None) => return Ok(Rc::default()),
            None => {}
        }
        self.depth += 1;
        if self.depth > MAX_LEVELS {
            return Err("Schemas are nested too deep".to_owned());
        }
        self.spend(1)?;
        // Types without a name meet again only where named ones around them do.
        let meet_again = !matches!(pair, (Identity::Place(_), Identity::Place(_)));
        if meet_again {
            self.known.insert(pair, None);
        }
        let mut differences = self.calculate(path, reader, writer)?;
        if self.kept > MAX_KEPT {
            differences.truncate(1);
        }
        let differences = Rc::new(differences);
        if meet_again {
            self.kept += differences.len();
            self.known.insert(pair, Some(Rc::clone(&differences)));
        }
        self.depth -= 1;
        Ok(differences)
    }

    fn spend(&mut self, pairs: usize) -> Result<()> {
        let left = self.pairs_left.checked_sub(pairs);
        self.pairs_left = left.ok_or("Schemas have too many pairs of types to compare")?;
        Ok(())
    }

    fn calculate(
        &mut self,
        path: &mut Path,
        reader: &'a Type,
        writer: &'a Type,
    ) -> Result<Differences> {
        match (reader, writer) {
            (Type::Array(reader, _), Type::Array(writer, _)) => {
                Ok(self.compare_part(path, "items", reader, writer)?.to_vec())
            }
            (Type::Map(reader, _), Type::Map(writer, _)) => {
                Ok(self.compare_part(path, "values", reader, writer)?.to_vec())
            }
            (Type::Union(_), Type::Union(branches)) => self.unions(path, reader, branches),
            (_, Type::Union(branches)) => {
                let mut all = Differences::new();
                for (at, branch) in branches.iter().enumerate() {
                    let found = self.compare_part(path, &at.to_string(), reader, branch)?;
                    merge(&mut all, &found);
                }
                Ok(all)
            }
            (Type::Union(branches), _) => {
                for branch in branches {
                    if self.compare(&mut Path::new(), branch, writer)?.is_empty() {
                        return Ok(Differences::new());
                    }
                }
                Ok(vec![self.missing_branch(path, writer)])
            }
            (Type::Named(ours), Type::Named(theirs)) => {
                match self.definitions(path, *ours, *theirs, writer)? {
                    Some(differences) => Ok(differences),
                    None => Ok(self.mismatch(path, reader, writer)),
                }
            }
            (Type::Primitive(ours, _), Type::Primitive(theirs, _)) if reads(*ours, *theirs) => {
                Ok(Differences::new())
            }
            _ => Ok(self.mismatch(path, reader, writer)),
        }
    }

    /// Each branch of the writer must be read, each on its own.
    fn unions(
        &mut self,
        path: &mut Path,
        reader: &'a Type,
        branches: &'a [Type],
    ) -> Result<Differences> {
        let mut all = Differences::new();
        for (at, branch) in branches.iter().enumerate() {
            if !self.compare(&mut Path::new(), reader, branch)?.is_empty() {
                path.push(at.to_string());
                let missing = self.missing_branch(path, branch);
                path.pop();
                merge(&mut all, &[missing]);
            }
        }
        Ok(all)
    }

    /// None if one is a record and the other an enum, or the like.
    fn definitions(
        &mut self,
        path: &mut Path,
        reader: TypeId,
        writer: TypeId,
        writer_type: &'a Type,
    ) -> Result<Option<Differences>> {
        let (reader, writer) = (self.reader.get(reader), self.writer.get(writer));
        let mut all = names(path, reader, writer);
        match (&reader.kind, &writer.kind) {
            (Kind::Fixed { size: found }, Kind::Fixed { size: expected }) => {
                if found != expected {
                    all.push(fixed_size(path, *expected, *found));
                }
            }
            (Kind::Enum { symbols, default }, Kind::Enum { symbols: written, .. }) => {
                let known: HashSet<&str> = symbols.iter().map(String::as_str).collect();
                let written = written.iter().map(String::as_str);
                let missing: BTreeSet<&str> =
                    written.filter(|name| !known.contains(name)).collect();
                if !missing.is_empty() && default.is_none() {
                    all.push(enum_symbols(path, &missing));
                }
            }
            (Kind::Record { fields, .. }, Kind::Record { fields: written, .. }) => {
                merge(&mut all, &self.records(path, fields, written, writer_type)?);
            }
            _ => return Ok(None),
        }
        Ok(Some(all))
    }

    fn records(
        &mut self,
        path: &mut Path,
        fields: &'a [Field],
        written: &'a [Field],
        writer: &'a Type,
    ) -> Result<Differences> {
        self.spend(fields.len() + written.len())?;
        let places: HashMap<&str, &Field> =
            written.iter().map(|field| (field.name.as_str(), field)).collect();
        let mut all = Differences::new();
        path.push("fields".to_owned());
        for (place, field) in fields.iter().enumerate() {
            path.push(place.to_string());
            let names = std::iter::once(&field.name).chain(&field.aliases);
            let mut sources = names.filter_map(|name| places.get(name.as_str()));
            match (sources.next(), sources.next()) {
                (Some(source), None) => {
                    let found = self.compare_part(path, "type", &field.schema, &source.schema)?;
                    merge(&mut all, &found);
                }
                (Some(_), Some(_)) => return Err(self.ambiguous(field, place, writer)),
                (None, _) if field.default.is_some() => {}
                // An odd rule of the Java library: such an enum is compared with the whole
                // record, which it cannot read.
                (None, _) if self.has_default_symbol(&field.schema) => {
                    let found = self.compare_part(path, "type", &field.schema, writer)?;
                    merge(&mut all, &found);
                }
                (None, _) => merge(&mut all, &[missing_field(path, &field.name)]),
            }
            path.pop();
        }
        path.pop();
        Ok(all)
    }

    fn has_default_symbol(&self, schema: &Type) -> bool {
        match schema {
            Type::Named(id) => {
                matches!(self.reader.get(*id).kind, Kind::Enum { default: Some(_), .. })
            }
            _ => false,
        }
    }

    /// More than one field of the writer is meant.
    fn ambiguous(&self, field: &Field, place: usize, writer: &Type) -> String {
        let field = write::field(self.reader, field, place);
        match write::resolved(self.writer, writer) {
            Ok(writer) => format!(
                "Reader record field {field} matches multiple fields in writer record schema \
                 {writer}"
            ),
            Err(error) => error.to_string(),
        }
    }

    fn missing_branch(&self, path: &Path, writer: &Type) -> Rc<str> {
        let kind = self.writer.kind_of(writer).to_uppercase();
        let at = pointer(path);
        difference(
            "MISSING_UNION_BRANCH",
            &format!(
                "The %s schema is missing a type inside a union field at path '{at}' in the %s \
                 schema"
            ),
            &format!("reader union lacking writer type: {kind}"),
        )
    }

    fn mismatch(&self, path: &Path, reader: &Type, writer: &Type) -> Differences {
        let reader = self.reader.kind_of(reader).to_uppercase();
        let writer = self.writer.kind_of(writer).to_uppercase();
        vec![type_mismatch(path, &reader, &writer)]
    }
}

/// Whether values of one primitive type become those of another.
fn reads(reader: Primitive, writer: Primitive) -> bool {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    reader == writer
        || match reader {
            Long => writer == Int,
            Float => matches!(writer, Int | Long),
            Double => matches!(writer, Int | Long | Float),
            Bytes => writer == String,
            String => writer == Bytes,
            _ => false,
        }
}

fn merge(all: &mut Differences, more: &[Rc<str>]) {
    let room = MAX_DIFFERENCES.saturating_sub(all.len());
    all.extend(more.iter().take(room).cloned());
}

/// Namespaces do not count, and aliases of the reader are full names.
fn names(path: &mut Path, reader: &Definition, writer: &Definition) -> Differences {
    let expected = writer.name.full();
    let is_alias = |alias: &Name| {
        // In the Java library, what is without a namespace is an alias only among its like.
        let counts = alias.space().is_some() || reader.name.space().is_none();
        counts && alias.full() == expected
    };
    if reader.name.simple() == writer.name.simple() || reader.aliases.iter().any(is_alias) {
        return Differences::new();
    }
    path.push("name".to_owned());
    let at = pointer(path);
    path.pop();
    vec![difference(
        "NAME_MISMATCH",
        &format!("The name of the schema has changed (path '{at}')"),
        &format!("expected: {expected}"),
    )]
}

fn missing_field(path: &Path, name: &str) -> Rc<str> {
    let at = pointer(path);
    difference(
        "READER_FIELD_MISSING_DEFAULT_VALUE",
        &format!(
            "The field '{name}' at path '{at}' in the %s schema has no default value and is \
             missing in the %s schema"
        ),
        name,
    )
}

fn fixed_size(path: &mut Path, expected: u32, found: u32) -> Rc<str> {
    path.push("size".to_owned());
    let at = pointer(path);
    path.pop();
    difference(
        "FIXED_SIZE_MISMATCH",
        &format!(
            "The size of FIXED type field at path '{at}' in the %s schema does not match with the \
             %s schema"
        ),
        &format!("expected: {expected}, found: {found}"),
    )
}

fn enum_symbols(path: &mut Path, missing: &BTreeSet<&str>) -> Rc<str> {
    path.push("symbols".to_owned());
    let at = pointer(path);
    path.pop();
    let missing = missing.iter().copied().collect::<Vec<_>>().join(", ");
    difference(
        "MISSING_ENUM_SYMBOLS",
        &format!(
            "The %s schema is missing enum symbols '[{missing}]' at path '{at}' in the %s schema"
        ),
        &format!("[{missing}]"),
    )
}

fn type_mismatch(path: &Path, reader: &str, writer: &str) -> Rc<str> {
    let at = pointer(path);
    difference(
        "TYPE_MISMATCH",
        &format!(
            "The type (path '{at}') of a field in the %s schema does not match with the %s schema"
        ),
        &format!("reader type: {reader} not compatible with writer type: {writer}"),
    )
}

fn difference(kind: &str, description: &str, info: &str) -> Rc<str> {
    format!("{{errorType:'{kind}', description:'{description}', additionalInfo:'{info}'}}").into()
}

fn pointer(path: &Path) -> String {
    format!("/{}", path.join("/"))
}

#[cfg(test)]
mod tests;
