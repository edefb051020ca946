//! Columns of results, as Java's driver sees them.

use std::collections::{BTreeSet, HashMap};

use postgres::Transaction;
use postgres::types::{Kind, Type};

use crate::jdbc::db::error::SqlResult;
use crate::jdbc::db::types::{Column, SqlType};

/// JDBC's numbers of what connectors do not take.
const OTHER: i32 = 1111;
const ARRAY: i32 = 2003;
const STRUCT: i32 = 2002;
/// What a number without a scale gets, as Kafka's connector gives it.
const NO_SCALE: i32 = 127;

/// The columns of a result.
pub(super) struct Described {
    pub(super) columns: Vec<Column>,
}

impl Described {
    /// Asks the catalog which of them are never null.
    pub(super) fn of(client: &mut Transaction<'_>, raw: &[postgres::Column]) -> SqlResult<Self> {
        let tables: BTreeSet<u32> = raw.iter().filter_map(postgres::Column::table_oid).collect();
        let mut required = HashMap::new();
        if !tables.is_empty() {
            let tables: Vec<u32> = tables.into_iter().collect();
            let sql = "SELECT a.attrelid, a.attnum, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) \
                       FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
                       WHERE a.attrelid = ANY($1) AND a.attnum > 0";
            for row in client.query(sql, &[&tables])? {
                let place: (u32, i16) = (row.try_get(0)?, row.try_get(1)?);
                required.insert(place, row.try_get::<_, bool>(2)?);
            }
        }
        let columns = raw.iter().map(|column| {
            let place = column.table_oid().zip(column.column_id());
            let is_required =
                place.and_then(|place| required.get(&place)).copied().unwrap_or(false);
            described(column, !is_required)
        });
        Ok(Self { columns: columns.collect() })
    }
}

fn described(column: &postgres::Column, is_nullable: bool) -> Column {
    let modifier = column.type_modifier();
    let (mut precision, mut scale) = (0, 0);
    let kind = match *column.type_() {
        Type::BOOL => SqlType::Boolean,
        Type::INT2 => SqlType::SmallInt,
        Type::INT4 => SqlType::Integer,
        Type::INT8 | Type::OID => SqlType::BigInt,
        Type::FLOAT4 => SqlType::Real,
        Type::FLOAT8 | Type::MONEY => SqlType::Double,
        Type::NUMERIC => {
            (precision, scale) = match modifier {
                ..4 => (0, NO_SCALE),
                _ => (
                    ((modifier - 4) >> 16) as u32 & 0xffff,
                    (((modifier - 4) & 0x7ff) ^ 1024) - 1024,
                ),
            };
            SqlType::Numeric
        }
        Type::BIT if modifier == 1 => SqlType::Boolean,
        Type::BIT if (2..=8).contains(&modifier) => SqlType::Bit,
        Type::BIT | Type::BYTEA => SqlType::Binary,
        Type::CHAR | Type::BPCHAR | Type::VARCHAR | Type::TEXT | Type::NAME => SqlType::Text,
        Type::UUID | Type::JSON | Type::JSONB | Type::XML => SqlType::Text,
        Type::DATE => SqlType::Date,
        Type::TIME | Type::TIMETZ => SqlType::Time,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => SqlType::Timestamp,
        _ => match column.type_().kind() {
            Kind::Enum(_) => SqlType::Text,
            Kind::Array(_) => SqlType::Other(ARRAY),
            Kind::Composite(_) => SqlType::Other(STRUCT),
            _ => SqlType::Other(OTHER),
        },
    };
    Column {
        label: column.name().to_owned(),
        kind,
        is_unsigned: false,
        precision,
        scale,
        is_nullable,
        type_name: column.type_().name().to_owned(),
    }
}
