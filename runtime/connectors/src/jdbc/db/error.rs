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
