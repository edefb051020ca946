//! The classes of a location: what each extends and implements, and so what kind it is.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::class_file::Access;
use super::isolation::is_isolated;
use super::kind::{Kinds, PluginKind};
use super::parent::{self, ParentClass};

/// Names that are kept, and their bytes in all. An archive could have any number of them.
const NAMES_MAX: usize = 1_000_000;
const TEXT_MAX: usize = 256 << 20;
/// Edges from class to supertype.
const EDGES_MAX: usize = 8_000_000;

/// The number of a class name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(u32);

impl Id {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// A class in the location.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub(crate) access: Access,
    /// Which element of the class path it is in, and where there.
    pub(crate) element: usize,
    pub(crate) place: usize,
    supers: Range<u32>,
}

/// The location has more classes than can be indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// All classes of a location. Names have slashes.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    ids: HashMap<Rc<str>, Id>,
    names: Vec<Rc<str>>,
    text: usize,
    /// By number. Names that the location only mentions have none.
    classes: Vec<Option<Class>>,
    supers: Vec<Id>,
}

/// What a class leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The kinds that it can be cast to.
    pub(crate) kinds: Kinds,
    /// The kinds that Kafka finds it to be by reading classes: it reads public ones only, and so
    /// does not see past a supertype that is not.
    pub(crate) seen: Kinds,
    /// The parent's class of this name is used, whatever the location has.
    pub(crate) is_parents: bool,
    /// A class that it needs, or it itself, which is nowhere.
    missing: Option<Id>,
}

impl Graph {
    /// The number of a name, which may be new.
    fn intern(&mut self, name: &str) -> Result<Id, Full> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        self.text += name.len();
        let id = u32::try_from(self.names.len()).map_err(|_| Full)?;
        if self.names.len() >= NAMES_MAX || self.text > TEXT_MAX {
            return Err(Full);
        }
        let name: Rc<str> = name.into();
        self.names.push(Rc::clone(&name));
        self.classes.push(None);
        self.ids.insert(name, Id(id));
        Ok(Id(id))
    }

    /// Adds a class. The first of a name is the one that counts.
    pub(crate) fn add<'a>(
        &mut self,
        name: &str,
        access: Access,
        (element, place): (usize, usize),
        supers: impl Iterator<Item = &'a str>,
    ) -> Result<(), Full> {
        let id = self.intern(name)?;
        let end = |graph: &Self| u32::try_from(graph.supers.len()).map_err(|_| Full);
        let start = end(self)?;
        for name in supers {
            let id = self.intern(name)?;
            self.supers.push(id);
            if self.supers.len() > EDGES_MAX {
                return Err(Full);
            }
        }
        let class = Class { access, element, place, supers: start..end(self)? };
        if let Some(slot @ None) = self.classes.get_mut(id.index()) {
            *slot = Some(class);
        }
        Ok(())
    }

    /// Whether the location has a class of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some_and(|id| self.class(id).is_some())
    }

    /// The number of a name with slashes.
    pub(crate) fn find(&self, name: &str) -> Option<Id> {
        self.ids.get(name).copied()
    }

    /// The location's class of this number.
    pub(crate) fn class(&self, id: Id) -> Option<&Class> {
        self.classes.get(id.index())?.as_ref()
    }

    /// The binary name of a class, with dots.
    pub(crate) fn binary_name(&self, id: Id) -> String {
        self.names.get(id.index()).map_or_else(String::new, |name| name.replace('/', "."))
    }

    /// All classes that the location has.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (Id, &Class)> {
        let numbered = (0..).map(Id).zip(&self.classes);
        numbered.filter_map(|(id, class)| Some((id, class.as_ref()?)))
    }

    /// The names of what a class of the location extends and implements.
    pub(crate) fn supers_of(&self, name: &str) -> Vec<String> {
        let class = self.find(name).and_then(|id| self.class(id));
        let supers = class.map_or(&[][..], |class| self.supers(class));
        let names = supers.iter().filter_map(|id| self.names.get(id.index()));
        names.map(|name| name.to_string()).collect()
    }

    fn supers(&self, class: &Class) -> &[Id] {
        let range = class.supers.start as usize..class.supers.end as usize;
        self.supers.get(range).unwrap_or(&[])
    }

    /// What each class leads to, by number.
    pub(crate) fn reach(&self, parents: &[ParentClass]) -> Reaches {
        let mut reach = vec![Reach::default(); self.names.len()];
        let mut left = Vec::new();
        for parent in parents {
            let Some(id) = self.find(&parent.name.replace('.', "/")) else { continue };
            if self.class(id).is_some() && is_isolated(&parent.name) {
                continue;
            }
            let seen = if parent.is_blind { Kinds::NONE } else { parent.kinds };
            if let Some(slot) = reach.get_mut(id.index()) {
                *slot = Reach { kinds: parent.kinds, seen, is_parents: true, missing: None };
            }
            left.push(id);
        }
        for (id, slot) in (0..).map(Id).zip(&mut reach) {
            let is_known = slot.is_parents || self.class(id).is_some();
            if !is_known && !parent::may_have(&self.binary_name(id)) {
                slot.missing = Some(id);
                left.push(id);
            }
        }
        self.spread(&mut reach, left);
        Reaches(reach)
    }

    /// Hands on what these lead to, to all that extend or implement them.
    fn spread(&self, reach: &mut [Reach], mut left: Vec<Id>) {
        let subclasses = self.subclasses();
        while let Some(id) = left.pop() {
            let from = reach.get(id.index()).copied().unwrap_or_default();
            let first = subclasses.partition_point(|(superclass, _)| *superclass < id);
            let all = subclasses.get(first..).unwrap_or(&[]).iter();
            for (_, child) in all.take_while(|(superclass, _)| *superclass == id) {
                let is_public = self.class(*child).is_some_and(|class| class.access.is_public());
                let Some(slot) = reach.get_mut(child.index()) else { continue };
                if slot.take(from, is_public) {
                    left.push(*child);
                }
            }
        }
    }

    /// Pairs of supertype and subtype, sorted.
    fn subclasses(&self) -> Vec<(Id, Id)> {
        let pairs = self.classes().flat_map(|(id, class)| {
            self.supers(class).iter().map(move |superclass| (*superclass, id))
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_unstable();
        pairs
    }

    /// A class that is neither in the location nor in the parent, among the one of this name and
    /// all that it extends and implements. With that missing it can't be loaded.
    pub(crate) fn missing(&self, name: &str, reaches: &Reaches) -> Option<String> {
        match self.find(name) {
            Some(id) => reaches.of(id).missing.map(|id| self.binary_name(id)),
            None => Some(name.replace('/', ".")).filter(|name| !parent::may_have(name)),
        }
    }
}

impl Reach {
    /// Takes over what a supertype leads to. Whether that changed anything.
    fn take(&mut self, from: Self, is_public: bool) -> bool {
        if self.is_parents {
            return false;
        }
        let kinds = self.kinds.and(from.kinds);
        let seen = if is_public { self.seen.and(from.seen) } else { self.seen };
        let missing = self.missing.or(from.missing);
        let changed = (kinds, seen, missing) != (self.kinds, self.seen, self.missing);
        (self.kinds, self.seen, self.missing) = (kinds, seen, missing);
        changed
    }
}

/// What all classes lead to.
#[derive(Debug)]
pub(crate) struct Reaches(Vec<Reach>);

impl Reaches {
    pub(crate) fn of(&self, id: Id) -> Reach {
        self.0.get(id.index()).copied().unwrap_or_default()
    }

    /// Whether the class is this kind in any way.
    pub(crate) fn is(&self, id: Id, kind: PluginKind) -> bool {
        self.of(id).kinds.has(kind)
    }
}
