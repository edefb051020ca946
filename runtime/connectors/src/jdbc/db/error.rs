//! What a database says when something is wrong.

use gantry_api::Error;

pub(crate) type SqlResult<T> = std::result::Result<T, SqlError>;

/// An error of a database or of the way there.
#[derive(Clone, Debug)]
pub(crate) enum SqlError {
    /// The database's own, with its state and number.
    Database { message: String, state: String, code: i32, is_permanent: bool },
    /// The connection is gone or was never there.
    Connection(String),
    /// What reads the rows does not take one.
    Reader(Error),
}

impl SqlError {
    /// One that comes again with the same statement on the same data.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Database { is_permanent, .. } => *is_permanent,
            Self::Connection(_) => false,
            Self::Reader(error) => !error.is_retriable(),
        }
    }

    /// One that has nothing to do with the data: the database ends, is full, cannot be written to now, or others
    /// hold what is needed.
    pub(crate) fn is_passing(&self) -> bool {
        const STATES: [&str; 7] = ["08", "40", "53", "57", "25006", "55P03", "HYT00"];
        // Of MySQL: too many connections, shutdown, full, lock wait, deadlock, read only. Of SQLite: busy,
        // locked, read only, input and output, full.
        const MYSQL: [i32; 7] = [1040, 1053, 1021, 1205, 1213, 1290, 1836];
        const SQLITE: [i32; 5] = [5, 6, 8, 10, 13];
        match self {
            Self::Connection(_) => true,
            Self::Reader(error) => error.is_retriable(),
            Self::Database { state, code, .. } if state.is_empty() => {
                SQLITE.contains(&(code & 0xff))
            }
            Self::Database { state, code, .. } => {
                STATES.iter().any(|head| state.starts_with(head)) || MYSQL.contains(code)
            }
        }
    }

    /// The state of SQL's standard and the database's own number.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Database { state, code, .. } => {
                format!(" (SQLState: {state}, errorCode: {code})")
            }
            _ => String::new(),
        }
    }

    /// Whether a state's class says that the statement can never succeed: syntax, unknown names,
    /// rights, features that are not there.
    pub(crate) fn is_permanent_state(state: &str) -> bool {
        ["0A", "28", "42"].iter().any(|class| state.starts_with(class))
    }
}

impl std::fmt::Display for SqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database { message, .. } => write!(f, "{message}{}", self.place()),
            Self::Connection(message) => f.write_str(message),
            Self::Reader(error) => f.write_str(error.message()),
        }
    }
}

impl From<Error> for SqlError {
    fn from(error: Error) -> Self {
        Self::Reader(error)
    }
}

/// As tasks report it, under the class that Java's drivers throw.
impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Reader(error) => error,
            other => Error::java("java.sql.SQLException", other.to_string()),
        }
    }
}
