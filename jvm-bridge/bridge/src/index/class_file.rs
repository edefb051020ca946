//! Class files: what a class is called, what it extends and implements, how it is constructed.

use super::inflate::Prefix;
use super::zip::ZipError;

const MAGIC: u32 = 0xCAFE_BABE;
const PUBLIC: u16 = 0x0001;
const INTERFACE: u16 = 0x0200;
const ABSTRACT: u16 = 0x0400;

/// Constructors of a class that are read; Java allows for more, nobody writes as many.
const CONSTRUCTORS_MAX: usize = 1000;
/// Java's limit for the parameters of a method.
const PARAMETERS_MAX: usize = 255;

/// Tags of the constant pool that matter here.
const UTF8: u8 = 1;
const CLASS: u8 = 7;

/// Why a class file can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClassError {
    #[error("{0}")]
    Zip(#[from] ZipError),
    #[error("not a class file: {0}")]
    Malformed(&'static str),
}

impl ClassError {
    /// Whether another attempt may fare better.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Zip(error) if error.is_passing())
    }
}

type Result<T> = std::result::Result<T, ClassError>;

/// The access flags of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access(u16);

impl Access {
    pub(crate) fn is_public(self) -> bool {
        self.0 & PUBLIC != 0
    }

    pub(crate) fn is_concrete(self) -> bool {
        self.0 & (ABSTRACT | INTERFACE) == 0
    }
}

/// A constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constructor {
    pub(crate) is_public: bool,
    /// The classes among its parameters' types, with slashes.
    pub(crate) classes: Vec<String>,
    pub(crate) has_parameters: bool,
}

/// Reads class files. Its buffers serve all of them.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// Where each constant is. Zero: there is none of this number.
    constants: Vec<u32>,
    supers: Vec<u16>,
    /// What was read last.
    position: usize,
    this: u16,
    access: u16,
}

/// Reads big-endian numbers one after the other.
struct Cursor<'a, P> {
    prefix: &'a mut P,
    position: usize,
}

impl<P: Prefix> Cursor<'_, P> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let end = self.position + N;
        let bytes = self.prefix.at_least(end)?;
        let chunk = bytes.get(self.position..).and_then(|bytes| bytes.first_chunk());
        let chunk = *chunk.ok_or(ZipError::Short)?;
        self.position = end;
        Ok(chunk)
    }

    fn u8(&mut self) -> Result<u8> {
        self.take().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// Passes over bytes without a look, and so without having them yet.
    fn skip(&mut self, size: usize) -> Result<()> {
        let end = self.position.checked_add(size);
        self.position = end.ok_or(ClassError::Malformed("a size is too large"))?;
        Ok(())
    }
}

impl Parser {
    /// Reads up to the interfaces.
    pub(crate) fn read(&mut self, prefix: &mut impl Prefix) -> Result<()> {
        let mut cursor = Cursor { prefix, position: 0 };
        if cursor.u32()? != MAGIC {
            return Err(ClassError::Malformed("it begins with other bytes"));
        }
        cursor.skip(4)?;
        self.read_constants(&mut cursor)?;
        self.access = cursor.u16()?;
        self.this = cursor.u16()?;
        self.supers.clear();
        self.supers.push(cursor.u16()?);
        for _ in 0..cursor.u16()? {
            self.supers.push(cursor.u16()?);
        }
        self.position = cursor.position;
        Ok(())
    }

    fn read_constants(&mut self, cursor: &mut Cursor<'_, impl Prefix>) -> Result<()> {
        let count = cursor.u16()?;
        self.constants.clear();
        self.constants.push(0);
        while self.constants.len() < usize::from(count) {
            let position = u32::try_from(cursor.position);
            self.constants.push(position.map_err(|_| ClassError::Malformed("it is too large"))?);
            let tag = cursor.u8()?;
            let size = match tag {
                UTF8 => usize::from(cursor.u16()?),
                CLASS | 8 | 16 | 19 | 20 => 2,
                15 => 3,
                3 | 4 | 9..=12 | 17 | 18 => 4,
                5 | 6 => {
                    // Wide numbers take two places.
                    self.constants.push(0);
                    8
                }
                _ => return Err(ClassError::Malformed("it has an unknown constant")),
            };
            cursor.skip(size)?;
        }
        Ok(())
    }

    /// The text of a constant. All constants were passed over, so their bytes are there.
    fn utf8<'b>(&self, bytes: &'b [u8], index: u16) -> Result<&'b [u8]> {
        let start = *self.constants.get(usize::from(index)).unwrap_or(&0) as usize;
        let text = bytes.get(start..).and_then(|bytes| {
            let (head, rest) = bytes.split_first_chunk::<3>()?;
            let [tag, high, low] = *head;
            rest.get(..usize::from(u16::from_be_bytes([high, low]))).filter(|_| tag == UTF8)
        });
        text.filter(|_| start != 0).ok_or(ClassError::Malformed("it lacks a name"))
    }

    fn class_name<'b>(&self, bytes: &'b [u8], index: u16) -> Result<&'b str> {
        let start = *self.constants.get(usize::from(index)).unwrap_or(&0) as usize;
        let name = match bytes.get(start..).and_then(|bytes| bytes.first_chunk::<3>()) {
            Some([CLASS, high, low]) if start != 0 => {
                self.utf8(bytes, u16::from_be_bytes([*high, *low]))?
            }
            _ => return Err(ClassError::Malformed("it lacks the name of a class")),
        };
        str::from_utf8(name).map_err(|_| ClassError::Malformed("the name of a class is not text"))
    }

    /// The access flags of the class read.
    pub(crate) fn access(&self) -> Access {
        Access(self.access)
    }

    /// The name of the class read, with slashes.
    pub(crate) fn name<'b>(&self, prefix: &'b mut impl Prefix) -> Result<&'b str> {
        self.class_name(prefix.at_least(self.position)?, self.this)
    }

    /// Its superclass and interfaces, without `Object`.
    pub(crate) fn supers<'b>(
        &self,
        prefix: &'b mut impl Prefix,
    ) -> Result<impl Iterator<Item = Result<&'b str>>> {
        let bytes = prefix.at_least(self.position)?;
        let named = self.supers.iter().filter(|index| **index != 0);
        let names = named.map(|index| self.class_name(bytes, *index));
        Ok(names.filter(|name| !matches!(name, Ok("java/lang/Object"))))
    }

    /// Its constructors, which takes to read on.
    pub(crate) fn constructors(&self, prefix: &mut impl Prefix) -> Result<Vec<Constructor>> {
        let mut cursor = Cursor { prefix, position: self.position };
        for _ in 0..cursor.u16()? {
            cursor.skip(6)?;
            skip_attributes(&mut cursor)?;
        }
        let mut constructors = Vec::new();
        for _ in 0..cursor.u16()? {
            let (access, name, descriptor) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
            skip_attributes(&mut cursor)?;
            let bytes = cursor.prefix.at_least(self.position)?;
            if self.utf8(bytes, name)? == b"<init>" {
                let descriptor = self.utf8(bytes, descriptor)?;
                if constructors.len() >= CONSTRUCTORS_MAX {
                    return Err(ClassError::Malformed("it has too many constructors"));
                }
                constructors.push(Constructor {
                    is_public: access & PUBLIC != 0,
                    classes: classes_of(descriptor),
                    has_parameters: descriptor != b"()V",
                });
            }
        }
        Ok(constructors)
    }
}

fn skip_attributes(cursor: &mut Cursor<'_, impl Prefix>) -> Result<()> {
    for _ in 0..cursor.u16()? {
        cursor.skip(2)?;
        let size = cursor.u32()?;
        cursor.skip(size as usize)?;
    }
    Ok(())
}

/// The classes in a method's descriptor: each stands between `L` and `;`.
fn classes_of(descriptor: &[u8]) -> Vec<String> {
    let mut classes = Vec::new();
    let mut left = descriptor;
    while let Some((first, rest)) = left.split_first()
        && classes.len() < PARAMETERS_MAX
    {
        left = rest;
        if *first == b'L' {
            let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            classes.extend(str::from_utf8(name).map(str::to_owned));
            left = after;
        }
    }
    classes
}
