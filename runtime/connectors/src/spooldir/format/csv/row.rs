//! One record of a CSV file: its fields behind each other in one buffer.

/// Which empty fields are null (`csv.null.field.indicator`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NullFields {
    EmptySeparators,
    EmptyQuotes,
    Both,
    Neither,
}

impl NullFields {
    pub(crate) const NAMES: [&str; 4] = ["EMPTY_SEPARATORS", "EMPTY_QUOTES", "BOTH", "NEITHER"];

    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "EMPTY_SEPARATORS" => Self::EmptySeparators,
            "EMPTY_QUOTES" => Self::EmptyQuotes,
            "BOTH" => Self::Both,
            _ => Self::Neither,
        }
    }
    /// Whether an empty field is null.
    pub(super) fn takes(self, was_quoted: bool) -> bool {
        match self {
            Self::Both => true,
            Self::EmptySeparators => !was_quoted,
            Self::EmptyQuotes => was_quoted,
            Self::Neither => false,
        }
    }
}

/// A record.
#[derive(Debug, Default)]
pub(crate) struct Row {
    text: String,
    /// Where each field ends, and whether it is null.
    ends: Vec<(usize, bool)>,
}

impl Row {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
    /// A field; `None` if it is null or not there.
    pub(crate) fn get(&self, at: usize) -> Option<&str> {
        let &(end, is_null) = self.ends.get(at)?;
        if is_null {
            return None;
        }
        self.text.get(self.begin(at)..end)
    }
    fn begin(&self, at: usize) -> usize {
        at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&(end, _)| end)
    }
    /// Whether it is a blank line of which the only field is null.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.ends[..], [(_, true)])
    }
    /// All fields, null as the empty text.
    pub(crate) fn texts(&self) -> Vec<String> {
        (0..self.len()).map(|at| self.get(at).unwrap_or_default().to_owned()).collect()
    }
    /// In bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The field that is not closed yet.
    pub(super) fn open_text(&self) -> &str {
        self.text.get(self.begin(self.len())..).unwrap_or_default()
    }
    pub(super) fn push(&mut self, part: &str) {
        self.text.push_str(part);
    }
    pub(super) fn drop_open(&mut self) {
        let begin = self.begin(self.len());
        self.text.truncate(begin);
    }
    pub(super) fn close(&mut self, is_null: bool) {
        self.ends.push((self.text.len(), is_null));
    }
}
