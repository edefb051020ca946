//! The known name that an unknown one was meant to be.

/// Below this likeness (0 to 1) a known name is not offered.
const LIKENESS_MIN: f64 = 0.6;

/// The known name that is most like an unknown one, if any is much like it.
pub(crate) fn nearest<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = unknown.chars().count();
    // Names of very different length are never much alike, and comparing them costs their product.
    let comparable = |name: &&str| {
        let (short, long) = (length.min(name.len()), length.max(name.len()));
        short as f64 >= LIKENESS_MIN * long as f64
    };
    known
        .into_iter()
        .filter(comparable)
        .map(|name| (strsim::normalized_damerau_levenshtein(unknown, name), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
