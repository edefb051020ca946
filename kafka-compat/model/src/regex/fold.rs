//! Which characters Java takes for one another where case does not count in any script: it
//! compares what becomes of each when it is made a capital and then a small letter.

use std::sync::LazyLock;

/// A character with another case.
struct Cased {
    code: char,
    upper: char,
    /// The small letter of `upper`.
    folded: char,
}

static CASED: LazyLock<Vec<Cased>> = LazyLock::new(|| {
    let cased = |code: char| {
        let upper = upper(code);
        let folded = lower(upper);
        (upper != code || folded != code).then_some(Cased { code, upper, folded })
    };
    ('a'..=char::MAX).chain('A'..='Z').filter_map(cased).collect()
});

/// Java's `Character.toUpperCase`: to one character, or to itself.
fn upper(c: char) -> char {
    // Greek letters with a small iota beneath have a capital that Unicode writes as two.
    let distance = match c {
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => 8,
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => 9,
        _ => 0,
    };
    if distance > 0 {
        return char::from_u32(u32::from(c) + distance).unwrap_or(c);
    }
    only(c.to_uppercase()).unwrap_or(c)
}

/// Java's `Character.toLowerCase`.
fn lower(c: char) -> char {
    // The I with a dot is the only one that Unicode writes as two.
    if c == 'İ' { 'i' } else { only(c.to_lowercase()).unwrap_or(c) }
}

fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next();
    first.filter(|_| chars.next().is_none())
}

/// All that are taken for a character which stands alone.
pub(super) fn same_as(c: char) -> Vec<char> {
    // What has no case itself is taken for nothing else.
    if upper(c) == lower(upper(c)) { vec![c] } else { same_in_text(c) }
}

/// All that are taken for a character which stands between others.
pub(super) fn same_in_text(c: char) -> Vec<char> {
    let folded = lower(upper(c));
    let others = CASED.iter().filter(|cased| cased.folded == folded).map(|cased| cased.code);
    others.chain([folded]).collect()
}

/// What else is taken for characters of a range.
pub(super) fn beside(first: u32, last: u32) -> impl Iterator<Item = char> {
    let within = move |c: char| (first..=last).contains(&u32::from(c));
    let found = move |cased: &&Cased| within(cased.upper) || within(cased.folded);
    CASED.iter().filter(found).map(|cased| cased.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(mut chars: Vec<char>) -> String {
        chars.sort_unstable();
        chars.dedup();
        chars.into_iter().collect()
    }

    #[test]
    fn all_forms_of_a_letter_are_one() {
        for (c, all) in [
            ('I', "Iiİı"),
            ('ı', "Iiİı"),
            ('k', "Kk\u{212A}"),
            ('ς', "Σςσ"),
            ('Ǆ', "ǄǅǆǄ"),
            ('ᾼ', "ᾳᾼ"),
            ('ᾀ', "ᾀᾈ"),
            ('1', "1"),
        ] {
            assert_eq!(sorted(same_as(c)), sorted(all.chars().collect()), "{c}");
            assert_eq!(sorted(same_in_text(c)), sorted(all.chars().collect()), "{c}");
        }
        assert_eq!(sorted(same_as('ß')), "ß");
        assert_eq!(sorted(same_in_text('ß')), "ßẞ");
    }

    #[test]
    fn ranges_reach_beyond_their_ends() {
        let beside = |first: char, last: char| {
            sorted(beside(first.into(), last.into()).filter(|c| !c.is_ascii()).collect())
        };
        assert_eq!(beside('a', 'z'), "İıſ\u{212A}");
        assert_eq!(beside('A', 'Z'), "ıſ");
        assert_eq!(beside('0', '9'), "");
    }
}
