//! Tells which of a location's classes are plugins, as Kafka's two scanners do.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::class_file::{ClassError, Constructor};
use super::found::{Plugin, Problem, Problems};
use super::graph::{Class, Graph, Id, Reaches};
use super::kind::PluginKind;
use super::parent::{self, ParentClass};
use super::scan::{Extent, Scan};

const NO_CONSTRUCTOR: &str =
    ": Plugin class must have a no-args constructor, and cannot be a non-static inner class";
const NOT_PUBLIC: &str = ": Plugin class default constructor must be public";
const DEPENDENCY: &str = ": Plugin class has a dependency which is missing or invalid";

/// Classes of a location that are looked at closely.
const CANDIDATES_MAX: usize = 10_000;

/// The plugins of a location.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    pub(crate) plugins: Vec<Plugin>,
    pub(crate) problems: Vec<Problem>,
    /// Something could not be read that may be readable later.
    pub(crate) is_partial: bool,
}

/// Finds the plugins among the classes that were read. `read` gets the constructors of a class.
pub(crate) fn discover(
    scan: Scan,
    extent: Extent,
    read: impl FnMut(&Class) -> Result<Vec<Constructor>, ClassError>,
) -> Discovery {
    let parents = parent::classes();
    let reaches = scan.graph.reach(&parents);
    let Scan { graph, listed, problems, is_partial, .. } = scan;
    let mut finder = Finder {
        graph: &graph,
        reaches: &reaches,
        read,
        constructions: HashMap::new(),
        found: Discovery { is_partial, ..Discovery::default() },
        plugins: BTreeMap::new(),
        problems,
    };
    finder.by_manifests(&parents, listed);
    if extent == Extent::All {
        finder.by_scan();
    }
    let Finder { found, plugins, problems, .. } = finder;
    let (plugins, problems) = (plugins.into_values().collect(), problems.into_vec());
    Discovery { plugins, problems, ..found }
}

/// How a class is constructed.
#[derive(Clone, Debug)]
struct Construction {
    /// Whether the constructor without parameters, if there is one, is public.
    no_args: Option<bool>,
    /// A class among the parameters of any constructor that is missing. Java looks for all of them
    /// before it gives one constructor.
    missing: Option<String>,
    /// The same, among those of public constructors.
    missing_public: Option<String>,
}

/// What Kafka says of a class that is no use, and in detail.
type Fault = (&'static str, String);

struct Finder<'a, R> {
    graph: &'a Graph,
    reaches: &'a Reaches,
    read: R,
    constructions: HashMap<Id, Result<Construction, String>>,
    found: Discovery,
    /// By name and kind, which is the order in which they are listed.
    plugins: BTreeMap<(String, PluginKind), Plugin>,
    problems: Problems,
}

impl<R: FnMut(&Class) -> Result<Vec<Constructor>, ClassError>> Finder<'_, R> {
    fn plugin(&mut self, class: &str, kind: PluginKind) -> &mut Plugin {
        let key = (class.to_owned(), kind);
        self.plugins.entry(key).or_insert_with(|| Plugin::new(class.to_owned(), kind))
    }

    /// What `ServiceLoader` finds in the location. It reads the parent's manifests too, and of the
    /// classes they list it takes the location's own if there is one.
    fn by_manifests(&mut self, parents: &[ParentClass], listed: Vec<(PluginKind, String)>) {
        let mut seen = HashSet::new();
        for (kind, name) in listed {
            if !seen.insert((kind, name.clone())) {
                continue;
            }
            match self.provide(kind, &name) {
                Ok(false) => {}
                Ok(true) => self.listed(kind, &name),
                Err((reason, detail)) => {
                    let rest = format!("{reason}: {}: {detail}", kind.base_type());
                    self.problems.push(Problem::manifest(kind, &rest));
                }
            }
        }
        for parent in parents.iter().filter(|parent| parent.is_listed) {
            for kind in PluginKind::ALL.into_iter().filter(|kind| parent.kinds.has(*kind)) {
                // The location never said that it has this class.
                if matches!(self.provide(kind, &parent.name), Ok(true)) {
                    self.listed(kind, &parent.name);
                }
            }
        }
    }

    fn listed(&mut self, kind: PluginKind, name: &str) {
        let plugin = self.plugin(name, kind);
        plugin.in_manifest = true;
        plugin.in_scan |= !kind.is_scanned();
    }

    /// Whether the class of that name is a plugin of this location, and not one of the parent.
    fn provide(&mut self, kind: PluginKind, name: &str) -> Result<bool, Fault> {
        let slashed = name.replace('.', "/");
        let graph = self.graph;
        let id = graph.find(&slashed);
        if id.is_some_and(|id| self.reaches.of(id).is_parents) {
            return Ok(false);
        }
        let Some((id, class)) = id.and_then(|id| Some((id, graph.class(id)?))) else {
            let not_found = || ("", format!("Provider {name} not found"));
            return if parent::may_have(name) { Ok(false) } else { Err(not_found()) };
        };
        if let Some(missing) = graph.missing(&slashed, self.reaches) {
            return Err(("", format!("{name} needs {missing}, which is missing")));
        }
        if !self.reaches.is(id, kind) {
            return Err(("", format!("{name} not a subtype")));
        }
        let how = self.construction(id, class)?;
        let not_constructed = format!("{name} Unable to get public no-arg constructor");
        let not_instantiated = format!("Provider {name} could not be instantiated");
        if how.missing_public.is_some() {
            return Err((DEPENDENCY, not_constructed));
        }
        if how.no_args != Some(true) {
            return Err((NO_CONSTRUCTOR, not_constructed));
        }
        match (class.access.is_public(), class.access.is_concrete()) {
            (true, true) => Ok(true),
            (true, false) => Err(("", not_instantiated)),
            (false, _) => Err((NOT_PUBLIC, not_instantiated)),
        }
    }

    /// What reading all classes finds.
    fn by_scan(&mut self) {
        let graph = self.graph;
        for (id, class) in graph.classes() {
            let reach = self.reaches.of(id);
            let is_candidate = class.access.is_public() && class.access.is_concrete();
            let kinds = PluginKind::ALL.into_iter();
            let kinds = kinds.filter(|kind| kind.is_scanned() && reach.seen.has(*kind));
            let kinds: Vec<_> = kinds.collect();
            if reach.is_parents || kinds.is_empty() || !is_candidate {
                continue;
            }
            let name = graph.binary_name(id);
            let result = self.instantiate(id, class, &name);
            for kind in kinds {
                match &result {
                    Ok(()) => self.plugin(&name, kind).in_scan = true,
                    Err((reason, detail)) => {
                        let simple = name.rsplit(['.', '$']).next().unwrap_or_default();
                        let rest = format!(": Unable to instantiate {simple}{reason} ({detail})");
                        self.problems.push(Problem::scan(kind, &rest));
                    }
                }
            }
        }
    }

    fn instantiate(&mut self, id: Id, class: &Class, name: &str) -> Result<(), Fault> {
        let lacking = |missing: String| (DEPENDENCY, format!("{name} needs {missing}"));
        if let Some(missing) = self.graph.missing(&name.replace('.', "/"), self.reaches) {
            return Err(lacking(missing));
        }
        let how = self.construction(id, class)?;
        if let Some(missing) = how.missing {
            return Err(lacking(missing));
        }
        match how.no_args {
            Some(true) => Ok(()),
            Some(false) => Err((NOT_PUBLIC, name.to_owned())),
            None => Err((NO_CONSTRUCTOR, name.to_owned())),
        }
    }

    fn construction(&mut self, id: Id, class: &Class) -> Result<Construction, Fault> {
        let fault = |error| (DEPENDENCY, error);
        if let Some(known) = self.constructions.get(&id) {
            return known.clone().map_err(fault);
        }
        if self.constructions.len() >= CANDIDATES_MAX {
            return Err(fault("the location has more plugins than can be listed".to_owned()));
        }
        let read = (self.read)(class);
        self.found.is_partial |= matches!(&read, Err(error) if error.is_passing());
        let missing = |it: &Constructor| {
            it.classes.iter().find_map(|name| self.graph.missing(name, self.reaches))
        };
        let how = read.map_err(|error| error.to_string()).map(|all| Construction {
            no_args: all.iter().find(|it| !it.has_parameters).map(|it| it.is_public),
            missing: all.iter().find_map(missing),
            missing_public: all.iter().filter(|it| it.is_public).find_map(missing),
        });
        self.constructions.insert(id, how.clone());
        how.map_err(fault)
    }
}
