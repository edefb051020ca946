//! What databases and connectors say to each other.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use gantry_api::Result;
use gantry_api::model::logical::Decimal;

/// A table's name in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TableId {
    pub(crate) catalog: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl TableId {
    /// The parts that there are, from the outermost.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        let outer = [self.catalog.as_deref(), self.schema.as_deref()];
        outer.into_iter().flatten().filter(|part| !part.is_empty()).chain([self.name.as_str()])
    }
}

/// `catalog.schema.table`, without quotes.
impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// A table as it is defined.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// `TABLE`, `VIEW` or `PARTITIONED TABLE`.
    pub(crate) kind: String,
    pub(crate) columns: Vec<TableColumn>,
}

/// A column of a table's definition.
#[derive(Clone, Debug)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) is_nullable: bool,
    pub(crate) is_key: bool,
    pub(crate) is_auto_increment: bool,
}

/// The types of JDBC, as far as connectors tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SqlType {
    Boolean,
    Bit,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    Numeric,
    Decimal,
    Text,
    Binary,
    Date,
    Time,
    Timestamp,
    /// None that a connector takes; the number is JDBC's.
    Other(i32),
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// The name that the query gives it.
    pub(crate) label: String,
    pub(crate) kind: SqlType,
    pub(crate) is_unsigned: bool,
    pub(crate) precision: u32,
    pub(crate) scale: i32,
    /// Also if it is not known.
    pub(crate) is_nullable: bool,
    /// The database's own name of its type.
    pub(crate) type_name: String,
}

/// What a clock on the wall shows: seconds as if the zone were UTC, and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wall {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    Decimal(Decimal),
    /// Days since 1970-01-01.
    Date(i64),
    /// Nanoseconds since midnight; more than a day or less than nothing for a duration.
    Time(i64),
    /// A moment without zone.
    Wall(Wall),
    /// A moment: the wall clock of UTC shows this.
    Instant(Wall),
}

/// A row, whose values are read where they stand.
pub(crate) trait Row {
    /// The value of a column by its place, which is one of the row's.
    fn cell(&self, at: usize) -> Result<Cell<'_>>;
}

/// Takes what a query finds.
pub(crate) trait Rows {
    /// What columns there are, once, before the first row.
    fn columns(&mut self, columns: Vec<Column>) -> Result<()>;
    /// The next row; false: enough.
    fn row(&mut self, row: &dyn Row) -> Result<bool>;
}

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Param {
    Null,
    Bool(bool),
    Int(i64),
    Float(f32),
    Double(f64),
    Text(Text),
    Bytes(Bytes),
    Decimal(std::sync::Arc<Decimal>),
    /// Days since 1970-01-01.
    Date(i64),
    /// Nanoseconds since midnight.
    Time(i64),
    /// What the wall clock shows at the database's zone, and the seconds by which that zone is
    /// ahead of UTC then.
    Moment(Wall, i32),
    /// Elements of a list, for databases with arrays.
    List(Vec<Param>),
}

pub(crate) use gantry_api::Text;

impl Wall {
    /// From milliseconds as if the zone were UTC.
    pub(crate) fn from_ms(ms: i64) -> Self {
        let nanos = (ms.rem_euclid(1000) * 1_000_000) as u32;
        Self { seconds: ms.div_euclid(1000), nanos }
    }

    /// In milliseconds as if the zone were UTC.
    pub(crate) fn ms(self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add(i64::from(self.nanos / 1_000_000))
    }

    /// Days since 1970-01-01, and seconds of the day.
    pub(crate) fn day(self) -> (i64, i64) {
        (self.seconds.div_euclid(DAY_S), self.seconds.rem_euclid(DAY_S))
    }

    /// `2024-02-29 23:59:59.123456`, with so many digits of a second.
    pub(crate) fn text(self, separator: char, digits: usize) -> String {
        let (day, second) = self.day();
        let (year, month, date) = civil(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let mut text =
            format!("{year:04}-{month:02}-{date:02}{separator}{hour:02}:{minute:02}:{second:02}");
        if digits > 0 {
            let fraction = format!("{:09}", self.nanos);
            text.push('.');
            text.push_str(fraction.get(..digits).unwrap_or(&fraction));
        }
        text
    }
}

const DAY_S: i64 = 86_400;

/// Year, month and day of a day since 1970-01-01, in the calendar of today whatever the year.
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day of a leap year comes last.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, date)
}

/// Days since 1970-01-01 of a date.
pub(crate) fn days(year: i64, month: i64, date: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + date - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        for day in (-1_000_000..1_000_000).step_by(13) {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), day);
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(days(2000, 3, 1) - days(2000, 2, 28), 2);
        assert_eq!(days(1900, 3, 1) - days(1900, 2, 28), 1);
    }

    #[test]
    fn clocks_are_printed_to_the_digit() {
        let wall = Wall::from_ms(1_709_251_199_123);
        assert_eq!(wall.text(' ', 3), "2024-02-29 23:59:59.123");
        assert_eq!(wall.text('T', 0), "2024-02-29T23:59:59");
        assert_eq!(Wall::from_ms(-1).text(' ', 9), "1969-12-31 23:59:59.999000000");
        assert_eq!(Wall::from_ms(-1).ms(), -1);
    }
}
