//! A deterministic automaton, and the random walks through it that give texts.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::super::random::Random;

type Result<T> = std::result::Result<T, String>;

/// Larger ones are refused: their tables would take long to make.
const MAX_STATES: usize = 20_000;
/// Comparisons while one is made.
const MAX_WORK: usize = 50_000_000;
/// A state in a set costs as much as so many comparisons.
const SET_WORK: usize = 16;
/// How likely a walk ends where it may.
const STOP: f64 = 0.35;
/// Characters beyond are none of Java's `char`.
const LAST: u32 = 0xFFFF;
/// What stands in place of half a character, as when Java writes it.
const HALF: char = '?';

/// Puts an automaton together, in which a character may lead to several states.
#[derive(Debug, Default)]
pub(super) struct Builder {
    states: Vec<Loose>,
}

#[derive(Debug, Default)]
struct Loose {
    /// States that are reached by nothing.
    links: Vec<usize>,
    steps: Vec<Step>,
}

/// Characters that lead to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    first: u32,
    last: u32,
    to: usize,
}

impl Builder {
    /// A new state.
    pub(super) fn state(&mut self) -> Result<usize> {
        if self.states.len() >= MAX_STATES {
            return Err(too_large());
        }
        self.states.push(Loose::default());
        Ok(self.states.len() - 1)
    }

    /// A way from one state to another by nothing.
    pub(super) fn link(&mut self, from: usize, to: usize) {
        if let Some(state) = self.states.get_mut(from) {
            state.links.push(to);
        }
    }

    /// A way from a state to a new one by characters.
    pub(super) fn step(&mut self, from: usize, ranges: &[(char, char)]) -> Result<usize> {
        let to = self.state()?;
        if let Some(state) = self.states.get_mut(from) {
            state.steps.extend(ranges.iter().map(|(first, last)| {
                let first = u32::from(*first);
                let last = u32::from(*last);
                Step { first, last: if first > LAST { last } else { last.min(LAST) }, to }
            }));
        }
        Ok(to)
    }

    /// The same in which a character leads to one state.
    pub(super) fn build(&self, start: usize, end: usize) -> Result<Automaton> {
        let mut known: HashMap<BTreeSet<usize>, usize> = HashMap::new();
        let mut states: Vec<State> = Vec::new();
        let mut waiting = VecDeque::new();
        let mut work = 0;
        let mut number = |set: BTreeSet<usize>, waiting: &mut VecDeque<BTreeSet<usize>>| {
            let next = known.len();
            *known.entry(set).or_insert_with_key(|set| {
                waiting.push_back(set.clone());
                next
            })
        };
        number(self.closure([start]), &mut waiting);
        while let Some(set) = waiting.pop_front() {
            let loose: Vec<Step> = set
                .iter()
                .filter_map(|state| self.states.get(*state))
                .flat_map(|state| state.steps.iter().copied())
                .collect();
            let mut steps: Vec<Step> = Vec::new();
            for (first, last) in pieces(&loose) {
                let reached = loose.iter().filter(|step| step.first <= first && last <= step.last);
                let reached = self.closure(reached.map(|step| step.to));
                work += loose.len() + SET_WORK * reached.len();
                if work > MAX_WORK {
                    return Err(too_large());
                }
                if reached.is_empty() {
                    continue;
                }
                let to = number(reached, &mut waiting);
                match steps.last_mut() {
                    Some(before) if before.to == to && before.last + 1 == first => {
                        before.last = last;
                    }
                    _ => steps.push(Step { first, last, to }),
                }
            }
            states.push(State { accepts: set.contains(&end), steps, shortest: 0, longest: None });
            if states.len() > MAX_STATES {
                return Err(too_large());
            }
        }
        let mut automaton = Automaton { states };
        automaton.measure();
        Ok(automaton)
    }

    /// These states and those that are reached from them by nothing.
    fn closure(&self, states: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut open: Vec<usize> = states.into_iter().collect();
        let mut set = BTreeSet::new();
        while let Some(state) = open.pop() {
            if set.insert(state) {
                open.extend(self.states.get(state).iter().flat_map(|state| &state.links));
            }
        }
        set
    }
}

fn too_large() -> String {
    "it is too large: let it repeat less".to_owned()
}

/// The ranges of characters that lead to the same states each, in order; some lead nowhere.
fn pieces(steps: &[Step]) -> Vec<(u32, u32)> {
    let mut begins: BTreeSet<u32> = BTreeSet::new();
    for step in steps {
        begins.extend([step.first, step.last + 1]);
    }
    let begins: Vec<u32> = begins.into_iter().collect();
    let pairs = begins.windows(2).filter_map(|pair| match pair {
        [first, next] => Some((*first, next - 1)),
        _ => None,
    });
    pairs.collect()
}

/// States, of which the first is the start. From each of them there is a way to the end.
#[derive(Debug)]
pub(super) struct Automaton {
    states: Vec<State>,
}

#[derive(Debug)]
struct State {
    /// Whether a text may end here.
    accepts: bool,
    steps: Vec<Step>,
    /// How many characters an end is away.
    shortest: usize,
    /// How many characters can still come; `None`: any number.
    longest: Option<usize>,
}

impl Automaton {
    /// Works out how far the end is from each state.
    fn measure(&mut self) {
        let count = self.states.len();
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (from, state) in self.states.iter().enumerate() {
            for step in &state.steps {
                if let Some(list) = before.get_mut(step.to) {
                    list.push(from);
                }
            }
        }
        let mut shortest: Vec<Option<usize>> = vec![None; count];
        let mut open: VecDeque<(usize, usize)> = self
            .states
            .iter()
            .enumerate()
            .filter(|(_, s)| s.accepts)
            .map(|(at, _)| (at, 0))
            .collect();
        while let Some((at, away)) = open.pop_front() {
            let Some(place @ None) = shortest.get_mut(at) else { continue };
            *place = Some(away);
            open.extend(before.get(at).into_iter().flatten().map(|from| (*from, away + 1)));
        }
        // Backwards from states without steps. What lies on or before a circle is never reached.
        let mut left: Vec<usize> = self.states.iter().map(|state| state.steps.len()).collect();
        let mut longest: Vec<usize> = vec![0; count];
        let mut done: Vec<bool> = left.iter().map(|left| *left == 0).collect();
        let mut open: Vec<usize> = (0..count).filter(|at| done.get(*at) == Some(&true)).collect();
        while let Some(at) = open.pop() {
            let behind = longest.get(at).map_or(0, |longest| longest + 1);
            for &from in before.get(at).into_iter().flatten() {
                if let (Some(longest), Some(left), Some(done)) =
                    (longest.get_mut(from), left.get_mut(from), done.get_mut(from))
                {
                    *longest = behind.max(*longest);
                    *left -= 1;
                    if *left == 0 {
                        *done = true;
                        open.push(from);
                    }
                }
            }
        }
        for (at, state) in self.states.iter_mut().enumerate() {
            state.shortest = shortest.get(at).copied().flatten().unwrap_or(0);
            state.longest = longest.get(at).copied().filter(|_| done.get(at) == Some(&true));
        }
    }

    /// Adds a text of `min` to `max` characters, if there is one: where it may end it does so with
    /// a fixed likelihood, and each range of characters that leads on is as likely as the others.
    pub(super) fn walk(&self, random: &mut Random, min: usize, max: usize, out: &mut String) {
        let mut state = self.states.first();
        let mut length = 0;
        while let Some(at) = state {
            if at.accepts
                && length >= min
                && (length >= max || at.steps.is_empty() || random.double() < STOP)
            {
                return;
            }
            let fits = |step: &&Step| {
                self.states.get(step.to).is_some_and(|next| {
                    length + 1 + next.shortest <= max
                        && next.longest.is_none_or(|longest| length + 1 + longest >= min)
                })
            };
            let fitting = at.steps.iter().filter(fits).count();
            let step = if fitting > 0 {
                at.steps.iter().filter(fits).nth(random.place(fitting))
            } else if length < max {
                // No text is as long as it should be: the next best.
                at.steps.get(random.place(at.steps.len()))
            } else {
                None
            };
            let Some(step) = step else { return };
            let place = random.below((step.last - step.first + 1) as i32) as u32;
            out.push(char::from_u32(step.first + place).unwrap_or(HALF));
            length += 1;
            state = self.states.get(step.to);
        }
    }
}
