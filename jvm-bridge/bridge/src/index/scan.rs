//! Reads the classes and manifests of a location.

use std::path::Path;

use super::class_file::{ClassError, Constructor, Parser};
use super::discover::{Discovery, discover};
use super::element::{ClassFile, Content, Element};
use super::found::{Problem, Problems};
use super::graph::{Class, Graph};
use super::inflate::{Prefix, Reader};
use super::kind::PluginKind;
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

/// Finds the plugins among these elements of a class path.
pub(crate) fn scan(location: &Path, elements: &[Element]) -> Discovery {
    let mut scan = Scan::default();
    let mut parser = Parser::default();
    for (number, element) in elements.iter().enumerate() {
        let mut here = Here { location, element, number, scan: &mut scan, parser: &mut parser };
        let result = match &element.content {
            Content::Archive(directory) => here.archive(directory),
            Content::Files(files) => here.files(files),
        };
        match result {
            Ok(()) => {}
            Err(Stop::Entry(error)) => here.report("", &error),
            Err(Stop::Location(reason)) => {
                let problem = Problem::unread(location, &element.path, "", reason);
                scan.problems.push(problem);
                break;
            }
        }
    }
    let mut left = INFLATED_MAX;
    discover(scan, |class| constructors(elements, class, &mut parser, &mut left))
}

/// An element while it is read.
struct Here<'a> {
    location: &'a Path,
    element: &'a Element,
    number: usize,
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
        } else if let Some(class) = self.wanted(name) {
            let mut inflating = reader.entry(entry, CLASS_MAX)?;
            let result = self.class(class, entry.place, &mut inflating);
            self.scan.inflated += inflating.size();
            if self.scan.inflated > INFLATED_MAX {
                return Err(Stop::Location("the location has more classes than can be read"));
            }
            return result;
        }
        Ok(())
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
        let class = name.strip_suffix(".class").filter(|name| !name.starts_with("META-INF/"))?;
        let simple = class.rsplit_once('/').map_or(class, |(_, simple)| simple);
        let is_class = !matches!(simple, "module-info" | "package-info");
        (is_class && !self.scan.graph.has(class)).then_some(class)
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
