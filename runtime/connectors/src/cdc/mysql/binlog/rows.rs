//! Rows, and the tables that they are of.

use std::borrow::Cow;

use super::bytes::Bytes;
use super::cell::{Cell, Form};
use super::event::{RowsKind, uncompressed};
use super::{Broken, Decoded};

/// A table as the events behind this one number it.
#[derive(Clone, Debug)]
pub(crate) struct TableMap {
    pub(crate) number: u64,
    pub(crate) database: String,
    pub(crate) table: String,
    pub(crate) forms: Vec<Form>,
    /// Names of columns, if the server gives them (`binlog_row_metadata=FULL`).
    pub(crate) names: Vec<String>,
}

impl TableMap {
    pub(super) fn read(bytes: &mut Bytes<'_>) -> Decoded<Self> {
        let number = bytes.low(6)?;
        bytes.low(2)?;
        let mut name = || {
            let length = usize::from(bytes.byte()?);
            let name = bytes.text(length)?;
            bytes.byte()?;
            Ok(name)
        };
        let (database, table) = (name()?, name()?);
        let columns = bytes.packed_size()?;
        let kinds = bytes.take(columns)?;
        let length = bytes.packed_size()?;
        let mut meta = Bytes(bytes.take(length)?);
        let forms =
            kinds.iter().map(|&kind| Form::read(kind, &mut meta)).collect::<Decoded<_>>()?;
        bytes.take(columns.div_ceil(8))?;
        Ok(Self { number, database, table, forms, names: names(bytes) })
    }
}

fn names(bytes: &mut Bytes<'_>) -> Vec<String> {
    const NAMES: u8 = 4;
    let mut names = Vec::new();
    while !bytes.is_empty() {
        let field = bytes.byte().and_then(|kind| {
            let length = bytes.packed_size()?;
            Ok((kind, bytes.take(length)?))
        });
        let Ok((kind, value)) = field else { break };
        let mut value = Bytes(value);
        while kind == NAMES && !value.is_empty() {
            let Ok(name) = value.packed_size().and_then(|length| value.text(length)) else { break };
            names.push(name);
        }
    }
    names
}

/// Changed rows of one table.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) kind: RowsKind,
    pub(crate) number: u64,
    columns: usize,
    /// Which columns rows have: those that are gone or new, and of updates the new ones.
    present: Vec<u8>,
    present_after: Option<Vec<u8>>,
    data: Cow<'a, [u8]>,
}

impl<'a> Rows<'a> {
    pub(super) fn read(bytes: &mut Bytes<'a>, kind: RowsKind, has_extra: bool) -> Decoded<Self> {
        let mut rows = Self::head(bytes, kind, has_extra)?;
        rows.data = Cow::Borrowed(bytes.rest());
        Ok(rows)
    }

    pub(super) fn read_compressed(
        bytes: &mut Bytes<'a>,
        kind: RowsKind,
        has_extra: bool,
    ) -> Decoded<Self> {
        let mut rows = Self::head(bytes, kind, has_extra)?;
        rows.data = Cow::Owned(uncompressed(bytes)?);
        Ok(rows)
    }

    fn head(bytes: &mut Bytes<'a>, kind: RowsKind, has_extra: bool) -> Decoded<Self> {
        let number = bytes.low(6)?;
        bytes.low(2)?;
        if has_extra {
            let length = bytes.low(2)? as usize;
            bytes.take(length.checked_sub(2).ok_or(Broken("a length is none"))?)?;
        }
        let columns = bytes.packed_size()?;
        let present = bytes.take(columns.div_ceil(8))?.to_vec();
        let present_after = match kind {
            RowsKind::Update => Some(bytes.take(columns.div_ceil(8))?.to_vec()),
            _ => None,
        };
        Ok(Self { kind, number, columns, present, present_after, data: Cow::Borrowed(&[]) })
    }

    /// Gives the rows on, with what they were and what they are: until there are no more, or that says so.
    pub(crate) fn each<E: From<Broken>>(
        &self,
        table: &TableMap,
        mut give: impl FnMut(usize, Option<&[Cell<'_>]>, Option<&[Cell<'_>]>) -> Result<(), E>,
    ) -> Result<usize, E> {
        if table.forms.len() != self.columns {
            return Err(Broken("rows have other columns than their table").into());
        }
        let mut bytes = Bytes(&self.data);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut count = 0;
        while !bytes.is_empty() {
            image(&mut bytes, &table.forms, &self.present, &mut before)?;
            match (self.kind, &self.present_after) {
                (RowsKind::Insert, _) => give(count, None, Some(&before))?,
                (RowsKind::Delete, _) | (_, None) => give(count, Some(&before), None)?,
                (RowsKind::Update, Some(present)) => {
                    image(&mut bytes, &table.forms, present, &mut after)?;
                    give(count, Some(&before), Some(&after))?;
                }
            }
            count += 1;
        }
        Ok(count)
    }

    /// How many rows there are.
    pub(crate) fn count(&self, table: &TableMap) -> Decoded<usize> {
        self.each(table, |_, _, _| Ok(()))
    }

    /// About how many bytes they have.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len()
    }
}

fn bit(bits: &[u8], at: usize) -> bool {
    bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

/// Reads one row.
fn image<'a>(
    bytes: &mut Bytes<'a>,
    forms: &[Form],
    present: &[u8],
    cells: &mut Vec<Cell<'a>>,
) -> Decoded<()> {
    cells.clear();
    let count = (0..forms.len()).filter(|at| bit(present, *at)).count();
    let nulls = bytes.take(count.div_ceil(8))?;
    let mut seen = 0;
    for (at, form) in forms.iter().enumerate() {
        if !bit(present, at) {
            cells.push(Cell::Absent);
            continue;
        }
        let is_null = bit(nulls, seen);
        seen += 1;
        cells.push(if is_null { Cell::Null } else { form.value(bytes)? });
    }
    Ok(())
}
