//! Differences of `allOf`, `anyOf` and `oneOf`.

use super::difference::DifferenceKind;
use super::{Found, Part, Side, Walk};
use crate::model::{Combined, Criterion};

type Rules<'a> = (Side, &'a Combined);

impl<'a> Walk<'a> {
    pub(super) fn compare_combined(&mut self, old: Rules<'a>, new: Rules<'a>, found: &mut Found) {
        if !is_wider(old.1, new.1) {
            self.note(DifferenceKind::CombinedTypeChanged, found);
            return;
        }
        let (olds, news) = (self.distinct(old), self.distinct(new));
        if olds.len() < news.len() && new.1.criterion == Criterion::All {
            self.note(DifferenceKind::ProductTypeExtended, found);
        }
        if olds.len() > news.len() && old.1.criterion != Criterion::All {
            self.note(DifferenceKind::SumTypeNarrowed, found);
        }
        let mut fitting = Vec::with_capacity(olds.len());
        for (at, original) in olds.iter().enumerate() {
            let step = format!("{}/{at}", old.1.criterion.keyword());
            let fits = self.within(step, |walk| {
                let mut fits = Vec::new();
                for (at, update) in news.iter().enumerate() {
                    if walk.are_compatible(*original, *update) {
                        fits.push(at);
                    }
                    if walk.is_exhausted() {
                        break;
                    }
                }
                fits
            });
            if self.is_exhausted() {
                return;
            }
            fitting.push(fits);
        }
        let edges = fitting.iter().map(Vec::len).sum::<usize>();
        // Finding partners looks at every edge once for each schema that has none yet.
        if !self.spend(edges) {
            return;
        }
        let partners = Partners::find(&fitting, news.len());
        if !self.spend(partners.looked_at) || partners.count < olds.len().min(news.len()) {
            self.note(DifferenceKind::CombinedTypeSubschemasChanged, found);
        }
    }

    /// The schemas that are combined, each once.
    fn distinct(&mut self, (side, combined): Rules<'a>) -> Vec<Part> {
        let mut known = std::collections::HashSet::new();
        let document = self.document(side);
        let classes = &mut self.classes;
        combined
            .schemas
            .iter()
            .map(|id| Part { side, id: *id })
            .filter(|part| known.insert(classes.class(document, *part)))
            .collect()
    }
}

/// Whether the update's way to combine schemas admits at least what the original's does.
fn is_wider(old: &Combined, new: &Combined) -> bool {
    let (one_old, one_new) = (old.schemas.len() == 1, new.schemas.len() == 1);
    old.criterion == new.criterion
        || new.criterion == Criterion::Any
        || one_old && one_new
        || one_old && new.criterion == Criterion::One
        || one_new && old.criterion == Criterion::All
}

/// As many pairs as can be made of those on the left and those on the right that fit.
struct Partners {
    count: usize,
    looked_at: usize,
}

/// How many edges may be looked at before those without a partner are given up.
const LOOKS_MAX: usize = 20_000_000;

impl Partners {
    /// `fitting`: for each on the left, those on the right that it fits.
    fn find(fitting: &[Vec<usize>], right: usize) -> Self {
        let mut partner_of: Vec<Option<usize>> = vec![None; right];
        let mut partners = Self { count: 0, looked_at: 0 };
        for left in 0..fitting.len() {
            // For each on the right, the one on the left from which it was reached.
            let mut reached_from: Vec<Option<usize>> = vec![None; right];
            let mut queue = std::collections::VecDeque::from([left]);
            let mut free = None;
            'search: while let Some(from) = queue.pop_front() {
                for to in fitting.get(from).map(Vec::as_slice).unwrap_or_default() {
                    partners.looked_at += 1;
                    if partners.looked_at > LOOKS_MAX {
                        return partners;
                    }
                    let Some(reached @ None) = reached_from.get_mut(*to) else { continue };
                    *reached = Some(from);
                    match partner_of.get(*to).copied().flatten() {
                        Some(taken) => queue.push_back(taken),
                        None => {
                            free = Some(*to);
                            break 'search;
                        }
                    }
                }
            }
            if let Some(free) = free {
                partners.count += 1;
                reassign(free, left, &reached_from, &mut partner_of, fitting);
            }
        }
        partners
    }
}

/// Gives each on the way from a free one on the right back to one on the left a new partner.
fn reassign(
    free: usize,
    start: usize,
    reached_from: &[Option<usize>],
    partner_of: &mut [Option<usize>],
    fitting: &[Vec<usize>],
) {
    // Whom each on the left had before.
    let mut had: Vec<Option<usize>> = vec![None; fitting.len()];
    for (right, left) in partner_of.iter().enumerate() {
        if let Some(had) = left.and_then(|left| had.get_mut(left)) {
            *had = Some(right);
        }
    }
    let mut right = Some(free);
    while let Some(at) = right {
        let Some(left) = reached_from.get(at).copied().flatten() else { return };
        if let Some(partner) = partner_of.get_mut(at) {
            *partner = Some(left);
        }
        right = if left == start { None } else { had.get(left).copied().flatten() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_find_partners_who_can() {
        let count = |fitting: &[Vec<usize>], right| Partners::find(fitting, right).count;
        assert_eq!(count(&[], 0), 0);
        assert_eq!(count(&[vec![0], vec![0]], 1), 1);
        // The first has to give way twice.
        assert_eq!(count(&[vec![0, 1], vec![0, 2], vec![0]], 3), 3);
        assert_eq!(count(&[vec![0, 1], vec![0], vec![1, 2], vec![2, 3]], 4), 4);
        assert_eq!(count(&[vec![1], vec![1], vec![0, 1]], 2), 2);
        assert_eq!(count(&[vec![], vec![0]], 3), 1);
    }

    #[test]
    fn partners_are_found_in_large_crowds() {
        let all: Vec<Vec<usize>> = (0..800).map(|_| (0..800).collect()).collect();
        assert_eq!(Partners::find(&all, 800).count, 800);
    }
}
