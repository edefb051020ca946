//! Reads the classes and manifests of a location.

use std::collections::HashMap;
use std::path::Path;

use super::class_file::{ClassError, Constructor, Parser};
use super::discover::{Discovery, discover};
use super::element::{ClassFile, Content, Element};
use super::found::{Problem, Problems};
use super::graph::{Class, Graph};
use super::inflate::{Prefix, Reader};
use super::kind::PluginKind;
use super::parent;
use super::services;
use super::zip::{Directory, Entry, ZipError};

/// Bytes of a class and of a manifest that are read at most.
const CLASS_MAX: usize = 16 << 20;
const MANIFEST_MAX: usize = 1 << 20;
/// Bytes that are inflated for a location at most: in an archive made to harm, entries can share
/// their data.
const INFLATED_MAX: u64 = 4 << 30;
/// Bytes of all manifests of a location.
const MANIFESTS_MAX: usize = 4 << 20;

/// What was read of a location.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) graph: Graph,
    /// The classes that manifests list, in order.
    pub(crate) listed: Vec<(PluginKind, String)>,
    pub(crate) problems: Problems,
    /// Something could not be read that may be readable later.
    pub(crate) is_partial: bool,
    inflated: u64,
    manifests: usize,
}

/// Why to go on with the next entry, or not to go on at all.
enum Stop {
    Entry(ClassError),
    Location(&'static str),
}

impl From<ClassError> for Stop {
    fn from(error: ClassError) -> Self {
        Self::Entry(error)
    }
}

impl From<ZipError> for Stop {
    fn from(error: ZipError) -> Self {
        Self::Entry(error.into())
    }
}

/// How much of a location is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All classes.
    All,
    /// The classes that manifests list, and what these need.
    Listed,
}

/// Finds the plugins among these elements of a class path.
pub(crate) fn scan(location: &Path, elements: &[Element], extent: Extent) -> Discovery {
    let mut scan = Scan::default();
    let mut parser = Parser::default();
    for (number, element) in elements.iter().enumerate() {
        let (scan, parser) = (&mut scan, &mut parser);
        let mut here = Here { location, element, number, extent, scan, parser };
        let result = match &element.content {
            Content::Archive(directory) => here.archive(directory),
            Content::Files(files) => here.files(files),
        };
        match result {
            Ok(()) => {}
            Err(Stop::Entry(error)) => here.report("", &error),
            Err(Stop::Location(reason)) => {
                let problem = Problem::unread(location, &element.path, "", reason);
                here.scan.problems.push(problem);
                break;
            }
        }
    }
    if extent == Extent::Listed {
        read_listed(location, elements, &mut scan, &mut parser);
    }
    let mut left = INFLATED_MAX;
    discover(scan, extent, |class| constructors(elements, class, &mut parser, &mut left))
}

/// An element while it is read.
struct Here<'a> {
    location: &'a Path,
    element: &'a Element,
    number: usize,
    extent: Extent,
    scan: &'a mut Scan,
    parser: &'a mut Parser,
}

impl Here<'_> {
    fn report(&mut self, name: &str, error: &ClassError) {
        self.scan.is_partial |= error.is_passing();
        let reason = error.to_string();
        let problem = Problem::unread(self.location, &self.element.path, name, &reason);
        self.scan.problems.push(problem);
    }

    /// A damaged entry costs that entry, a damaged directory the entries after that.
    fn archive(&mut self, directory: &Directory) -> Result<(), Stop> {
        let mut reader = Reader::open(&self.element.path)?;
        for entry in directory.entries() {
            let entry = entry?;
            // A class or manifest with a name that is not text can't be looked up.
            let Ok(name) = str::from_utf8(entry.name) else { continue };
            match self.entry(&mut reader, &entry, name) {
                Err(Stop::Entry(error)) => self.report(name, &error),
                other => other?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, reader: &mut Reader, entry: &Entry<'_>, name: &str) -> Result<(), Stop> {
        if let Some(kind) = services::kind_of(name) {
            let mut inflating = reader.entry(entry, MANIFEST_MAX)?;
            return self.manifest(kind, name, inflating.all()?);
        }
        match self.wanted(name) {
            Some(class) => self.inflate(reader, entry, class),
            None => Ok(()),
        }
    }

    fn inflate(&mut self, reader: &mut Reader, entry: &Entry<'_>, class: &str) -> Result<(), Stop> {
        let mut inflating = reader.entry(entry, CLASS_MAX)?;
        let result = self.class(class, entry.place, &mut inflating);
        self.scan.inflated += inflating.size();
        if self.scan.inflated > INFLATED_MAX {
            return Err(Stop::Location("the location has more classes than can be read"));
        }
        result
    }

    /// The class of that name, which is there.
    fn one(&mut self, place: usize, class: &str) -> Result<(), Stop> {
        match &self.element.content {
            Content::Archive(directory) => {
                let entry = directory.entry(place)?;
                self.inflate(&mut Reader::open(&self.element.path)?, &entry, class)
            }
            Content::Files(files) => {
                let file = files.get(place).ok_or(ZipError::Short)?;
                let bytes = read_file(&self.element.path.join(&file.name), CLASS_MAX)?;
                self.class(class, place, &mut bytes.as_slice())
            }
        }
    }

    fn files(&mut self, files: &[ClassFile]) -> Result<(), Stop> {
        for (place, file) in files.iter().enumerate() {
            match self.file(place, &file.name) {
                Err(Stop::Entry(error)) => self.report(&file.name, &error),
                other => other?,
            }
        }
        Ok(())
    }

    fn file(&mut self, place: usize, name: &str) -> Result<(), Stop> {
        if let Some(kind) = services::kind_of(name) {
            let bytes = read_file(&self.element.path.join(name), MANIFEST_MAX)?;
            return self.manifest(kind, name, &bytes);
        } else if let Some(class) = self.wanted(name) {
            let bytes = read_file(&self.element.path.join(name), CLASS_MAX)?;
            return self.class(class, place, &mut bytes.as_slice());
        }
        Ok(())
    }

    /// The name of the class, if an entry is one that was not there before.
    fn wanted<'b>(&self, name: &'b str) -> Option<&'b str> {
        let class = class_of(name)?;
        (self.extent == Extent::All && !self.scan.graph.has(class)).then_some(class)
    }

    fn class(&mut self, name: &str, place: usize, prefix: &mut impl Prefix) -> Result<(), Stop> {
        self.parser.read(prefix)?;
        // A class under another name than its own can't be loaded. Archives have such in folders
        // for other tools than class loaders.
        if self.parser.name(prefix)? != name {
            return Ok(());
        }
        let supers: Vec<&str> = self.parser.supers(prefix)?.collect::<Result<_, _>>()?;
        let (access, place) = (self.parser.access(), (self.number, place));
        let added = self.scan.graph.add(name, access, place, supers.into_iter());
        added.map_err(|_| Stop::Location("the location has more classes than can be indexed"))
    }

    fn manifest(&mut self, kind: PluginKind, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        self.scan.manifests += bytes.len();
        if self.scan.manifests > MANIFESTS_MAX {
            return Err(Stop::Location("the location has more manifests than can be read"));
        }
        match services::parse(bytes) {
            Ok(names) => {
                let listed = names.into_iter().map(|name| (kind, name));
                self.scan.listed.extend(listed);
            }
            Err((line, reason)) => {
                let service = kind.base_type();
                let path = super::element::relative(self.location, &self.element.path);
                let inside = if path.as_os_str().is_empty() { "" } else { "!/" };
                let path = path.display();
                let rest = format!(": {service}: {path}{inside}{name}:{line}: {reason}");
                self.scan.problems.push(Problem::manifest(kind, &rest));
            }
        }
        Ok(())
    }
}

/// The name of the class in an entry of this name, if it has one.
fn class_of(entry: &str) -> Option<&str> {
    let class = entry.strip_suffix(".class").filter(|name| !name.starts_with("META-INF/"))?;
    let simple = class.rsplit_once('/').map_or(class, |(_, simple)| simple);
    (!matches!(simple, "module-info" | "package-info")).then_some(class)
}

/// Where each class is: the number of its element, and its place there. The first of a name is the
/// one that counts.
fn places(elements: &[Element]) -> HashMap<&str, (usize, usize)> {
    let mut places = HashMap::new();
    let mut note = |entry, at| {
        if let Some(class) = class_of(entry) {
            places.entry(class).or_insert(at);
        }
    };
    for (number, element) in elements.iter().enumerate() {
        match &element.content {
            Content::Archive(directory) => {
                for entry in directory.entries().map_while(Result::ok) {
                    if let Ok(name) = str::from_utf8(entry.name) {
                        note(name, (number, entry.place));
                    }
                }
            }
            Content::Files(files) => {
                for (place, file) in files.iter().enumerate() {
                    note(&file.name, (number, place));
                }
            }
        }
    }
    places
}

/// Reads the classes that manifests list, here and on the worker's own class path, and what these
/// extend, implement, or have among the parameters of their constructors.
fn read_listed(location: &Path, elements: &[Element], scan: &mut Scan, parser: &mut Parser) {
    let places = places(elements);
    let parents = parent::classes();
    let of_parents = parents.iter().filter(|parent| parent.is_listed).map(|parent| &parent.name);
    let listed = scan.listed.iter().map(|(_, name)| name).chain(of_parents);
    let mut candidates: Vec<String> = listed.map(|name| name.replace('.', "/")).collect();
    let read = |scan: &mut Scan, parser: &mut Parser, mut left: Vec<String>| {
        while let Some(name) = left.pop() {
            let Some(&(number, place)) = places.get(name.as_str()) else { continue };
            let Some(element) = elements.get(number).filter(|_| !scan.graph.has(&name)) else {
                continue;
            };
            let (extent, of) = (Extent::Listed, (&mut *scan, &mut *parser));
            let mut here = Here { location, element, number, extent, scan: of.0, parser: of.1 };
            match here.one(place, &name) {
                Ok(()) => {}
                Err(Stop::Entry(error)) => here.report(&format!("{name}.class"), &error),
                Err(Stop::Location(reason)) => here.report("", &ClassError::Malformed(reason)),
            }
            left.extend(scan.graph.supers_of(&name));
        }
    };
    read(scan, parser, candidates.clone());
    candidates.sort_unstable();
    candidates.dedup();
    let mut left = INFLATED_MAX;
    for name in candidates {
        let class = scan.graph.find(&name).and_then(|id| scan.graph.class(id)).cloned();
        // What cannot be read is said when the class is looked at.
        let Some(Ok(all)) = class.map(|class| constructors(elements, &class, parser, &mut left))
        else {
            continue;
        };
        let needed = all.into_iter().flat_map(|constructor| constructor.classes).collect();
        read(scan, parser, needed);
    }
}

fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, ZipError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(ZipError::Long(limit)) } else { Ok(bytes) }
}

/// The constructors of a class that was read before.
fn constructors(
    elements: &[Element],
    class: &Class,
    parser: &mut Parser,
    left: &mut u64,
) -> Result<Vec<Constructor>, ClassError> {
    let element = elements.get(class.element).ok_or(ZipError::Short)?;
    match &element.content {
        Content::Archive(directory) => {
            let entry = directory.entry(class.place)?;
            let mut reader = Reader::open(&element.path)?;
            let mut inflating = reader.entry(&entry, CLASS_MAX)?;
            parser.read(&mut inflating)?;
            let constructors = parser.constructors(&mut inflating)?;
            *left = left.checked_sub(inflating.size()).ok_or(ZipError::Long(CLASS_MAX))?;
            Ok(constructors)
        }
        Content::Files(files) => {
            let file = files.get(class.place).ok_or(ZipError::Short)?;
            let bytes = read_file(&element.path.join(&file.name), CLASS_MAX)?;
            let mut prefix = bytes.as_slice();
            parser.read(&mut prefix)?;
            parser.constructors(&mut prefix)
        }
    }
}
