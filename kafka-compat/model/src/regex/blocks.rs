//! Blocks of Unicode by the names that Java gives them.

/// What `scripts/java/Blocks.java` wrote; it says there what stands in a line.
const DATA: &str = include_str!("blocks.txt");

/// First and last code point of a block, by its name in any case of letters.
pub(super) fn find(name: &str) -> Option<(u32, u32)> {
    let name = name.to_uppercase();
    DATA.lines().find_map(|line| {
        let mut fields = line.split('|');
        let mut code = || u32::from_str_radix(fields.next()?, 16).ok();
        let (first, last) = (code()?, code()?);
        fields.any(|field| field == name).then_some((first, last))
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn blocks_are_found_by_all_their_names() {
        for name in ["Greek", "GREEK AND COPTIC", "Latin-1 Supplement", "latin_1_supplement"] {
            assert!(find(name).is_some(), "{name}");
        }
        assert_eq!(find("BasicLatin"), Some((0, 0x7F)));
        assert_eq!(find("Nowhere"), None);
    }
}
