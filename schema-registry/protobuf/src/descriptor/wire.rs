//! The binary encoding of messages.

/// How deep messages and groups may nest.
pub(crate) const MAX_DEPTH: usize = 100;

/// Writes the fields of a message.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push((value & 0x7f) as u8);
    }

    /// A number; negative ones take ten bytes.
    pub(crate) fn number(&mut self, field: u32, value: i64) {
        self.varint(u64::from(field) << 3);
        self.varint(value.cast_unsigned());
    }

    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }
}

/// The value of a field as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// One that no descriptor has.
    Other,
}

impl<'a> Value<'a> {
    /// A number of 32 bits, of which the rest is cut.
    pub(crate) fn as_int(self) -> Option<i32> {
        match self {
            Self::Varint(value) => Some(value as i32),
            _ => None,
        }
    }

    pub(crate) fn as_bool(self) -> Option<bool> {
        match self {
            Self::Varint(value) => Some(value != 0),
            _ => None,
        }
    }

    pub(crate) fn as_bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A text of `proto2`, which may be none in UTF-8.
    pub(crate) fn as_text(self) -> Option<String> {
        self.as_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A text; nothing if it is none in UTF-8.
    pub(crate) fn as_utf8(self) -> Option<String> {
        std::str::from_utf8(self.as_bytes()?).ok().map(str::to_owned)
    }

    /// Numbers that are written one by one or all together.
    pub(crate) fn as_ints(self) -> Option<Vec<i32>> {
        match self {
            Self::Varint(value) => Some(vec![value as i32]),
            Self::Bytes(bytes) => {
                let mut reader = Fields { bytes };
                let mut numbers = Vec::new();
                while !reader.bytes.is_empty() {
                    numbers.push(reader.varint()? as i32);
                }
                Some(numbers)
            }
            Self::Other => None,
        }
    }
}

/// The fields of a message: numbers and values. Nothing if the bytes are no message.
pub(crate) fn fields(bytes: &[u8]) -> Option<Vec<(u32, Value<'_>)>> {
    let mut reader = Fields { bytes };
    let mut fields = Vec::new();
    while !reader.bytes.is_empty() {
        let tag = reader.varint()?;
        let field = u32::try_from(tag >> 3).ok().filter(|field| *field > 0)?;
        fields.push((field, reader.value(tag & 7, field, 0)?));
    }
    Some(fields)
}

struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn value(&mut self, kind: u64, field: u32, depth: usize) -> Option<Value<'a>> {
        match kind {
            0 => self.varint().map(Value::Varint),
            1 => self.take(8).map(|_| Value::Other),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length).map(Value::Bytes)
            }
            3 if depth < MAX_DEPTH => loop {
                let tag = self.varint()?;
                let inner = u32::try_from(tag >> 3).ok()?;
                if tag & 7 == 4 {
                    return (inner == field).then_some(Value::Other);
                }
                self.value(tag & 7, inner, depth + 1)?;
            },
            5 => self.take(4).map(|_| Value::Other),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut writer = Writer::default();
        writer.number(1, -1);
        writer.number(16, 300);
        writer.text(2, "é");
        writer.message(3, |inner| inner.number(1, 1));
        let bytes = writer.into_bytes();
        let fields = fields(&bytes).unwrap();
        assert_eq!(fields.len(), 4);
        assert_eq!(fields.first().unwrap().1.as_int(), Some(-1));
        assert_eq!(fields.get(1).unwrap(), &(16, Value::Varint(300)));
        assert_eq!(fields.get(2).unwrap().1.as_text().unwrap(), "é");
        assert_eq!(fields.get(3).unwrap().1, Value::Bytes(&[8, 1]));
        assert_eq!(Value::Bytes(&[1, 0x80, 1]).as_ints(), Some(vec![1, 128]));
    }

    #[test]
    fn groups_and_fixed_numbers_are_skipped() {
        let bytes = [0x0d, 1, 2, 3, 4, 0x13, 0x08, 1, 0x14, 0x19, 1, 2, 3, 4, 5, 6, 7, 8];
        let fields = fields(&bytes).unwrap();
        assert_eq!(fields, [(1, Value::Other), (2, Value::Other), (3, Value::Other)]);
    }

    #[test]
    fn what_is_no_message() {
        for bytes in [&[0x0a_u8, 5, 1][..], &[0x08], &[0x00, 1], &[0x0c], &[0x0b], &[0x0b, 0x14]] {
            assert_eq!(fields(bytes), None, "{bytes:?}");
        }
        assert_eq!(fields(&[0x0b; 1000]), None);
        assert_eq!(fields(&[0xff; 20]), None);
    }
}
