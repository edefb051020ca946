//! The way to a message in its file, as it stands before every value on the wire.

/// A way has so many steps at most: messages do not nest deeper.
const MAX_STEPS: usize = 100;

/// The way to a message: its place among the messages of the file, then among those of the
/// message found so far, and so on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageIndexes(Vec<usize>);

impl MessageIndexes {
    /// A way; one without steps leads to the first message.
    pub fn new(path: Vec<usize>) -> Self {
        Self(if path.is_empty() { vec![0] } else { path })
    }

    /// The places, from the outside in.
    pub fn path(&self) -> &[usize] {
        &self.0
    }

    /// As it is written: the number of steps and each of them. The way to the first message is a
    /// single zero.
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.0 == [0] {
            return vec![0];
        }
        let mut bytes = Vec::with_capacity(self.0.len() + 1);
        write(self.0.len(), &mut bytes);
        for index in &self.0 {
            write(*index, &mut bytes);
        }
        bytes
    }

    /// Reads a way from the start of bytes, and gives what is behind it; nothing if there is none.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (steps, mut rest) = read(bytes)?;
        if steps > MAX_STEPS {
            return None;
        }
        let mut path = Vec::with_capacity(steps);
        for _ in 0..steps {
            let (index, behind) = read(rest)?;
            path.push(index);
            rest = behind;
        }
        Some((Self::new(path), rest))
    }
}

/// Writes a number as Kafka writes signed ones: seven bits a byte, the sign last.
fn write(number: usize, bytes: &mut Vec<u8>) {
    let mut rest = (number as u64) << 1;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push((rest & 0x7f) as u8);
}

fn read(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value: u64 = 0;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let is_negative = value & 1 == 1;
            let number = i32::try_from(value >> 1).ok().filter(|_| !is_negative)?;
            return Some((usize::try_from(number).ok()?, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_in_bytes() {
        for (path, bytes) in [
            (vec![0], vec![0_u8]),
            (vec![1], vec![2, 2]),
            (vec![0, 2], vec![4, 0, 4]),
            (vec![64], vec![2, 0x80, 1]),
        ] {
            let way = MessageIndexes::new(path);
            assert_eq!(way.to_bytes(), bytes);
            let mut longer = bytes.clone();
            longer.push(9);
            assert_eq!(MessageIndexes::read(&longer), Some((way, &[9_u8][..])));
        }
        assert_eq!(MessageIndexes::read(&[2, 0, 7]).unwrap().0.path(), [0]);
        for bytes in [&[][..], &[2], &[1], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[4, 0]] {
            assert_eq!(MessageIndexes::read(bytes), None, "{bytes:?}");
        }
    }
}
