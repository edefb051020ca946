//! A database of its own for a test.

use std::sync::Mutex;

use mysql::prelude::Queryable;

/// A database, and a client to look at it from beside.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) user: Option<(String, String)>,
    client: Client,
    _dir: Option<tempfile::TempDir>,
}

enum Client {
    Sqlite(Mutex<rusqlite::Connection>),
    MySql(Mutex<mysql::Conn>),
    Postgres(Mutex<postgres::Client>),
}

fn server(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: tests/native/jdbc.py does it"))
}

/// `user:password@host:port` of a URL.
fn parts(url: &str) -> (String, String, String) {
    let (_, rest) = url.split_once("://").expect("a URL");
    let (login, place) = rest.split_once('@').expect("a login");
    let (user, password) = login.split_once(':').expect("a password");
    let (host, _) = place.split_once('/').expect("a database");
    (user.to_owned(), password.to_owned(), host.to_owned())
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("test.db");
        let connection = rusqlite::Connection::open(&file).expect("a database");
        connection.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout");
        connection.pragma_update(None, "journal_mode", "wal").expect("a journal");
        Self {
            url: format!("jdbc:sqlite:{}", file.display()),
            user: None,
            client: Client::Sqlite(Mutex::new(connection)),
            _dir: Some(dir),
        }
    }

    pub(crate) fn mariadb(name: &str) -> Self {
        let url = server("GANTRY_TEST_MYSQL");
        let (user, password, host) = parts(&url);
        let mut connection =
            mysql::Conn::new(mysql::Opts::from_url(&url).expect("a URL")).expect("a connection");
        let name = format!("j_{name}");
        for sql in [
            format!("DROP DATABASE IF EXISTS {name}"),
            format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
            format!("USE {name}"),
        ] {
            connection.query_drop(sql).expect("a database");
        }
        Self {
            url: format!("jdbc:mariadb://{host}/{name}?nullCatalogMeansCurrent=true"),
            user: Some((user, password)),
            client: Client::MySql(Mutex::new(connection)),
            _dir: None,
        }
    }

    pub(crate) fn postgres(name: &str) -> Self {
        let url = server("GANTRY_TEST_POSTGRES");
        let (user, password, host) = parts(&url);
        let mut client = postgres::Client::connect(&url, postgres::NoTls).expect("a connection");
        let name = format!("j_{name}");
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}; SET search_path TO {name}")).expect("a schema");
        let (_, database) = url.rsplit_once('/').expect("a database");
        Self {
            url: format!("jdbc:postgresql://{host}/{database}?currentSchema={name}"),
            user: Some((user, password)),
            client: Client::Postgres(Mutex::new(client)),
            _dir: None,
        }
    }

    /// The URL with TLS that proves the server to be that host; `by_its_own`: by the authority that signed its
    /// certificate, else by those of the system. None for a file.
    pub(crate) fn secure_url(&self, by_its_own: bool) -> Option<String> {
        let (mode, authority, variable) = match &self.client {
            Client::Sqlite(_) => return None,
            Client::MySql(_) => {
                ("sslMode=VERIFY_IDENTITY", "serverSslCert", "GANTRY_TEST_MYSQL_CA")
            }
            Client::Postgres(_) => {
                ("sslmode=verify-full", "sslrootcert", "GANTRY_TEST_POSTGRES_CA")
            }
        };
        let url = format!("{}&{mode}", self.url);
        Some(if by_its_own { format!("{url}&{authority}={}", server(variable)) } else { url })
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.client, Client::Sqlite(_))
    }
    pub(crate) fn is_mysql(&self) -> bool {
        matches!(self.client, Client::MySql(_))
    }
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.client, Client::Postgres(_))
    }

    /// The name of the schema or database that tables are in.
    pub(crate) fn place(&self) -> Option<&str> {
        match &self.client {
            Client::Sqlite(_) => None,
            Client::MySql(_) => self.url.rsplit('/').next().and_then(|rest| rest.split('?').next()),
            Client::Postgres(_) => self.url.rsplit('=').next(),
        }
    }

    /// A table's name in full.
    pub(crate) fn full(&self, table: &str) -> String {
        self.place().map_or_else(|| table.to_owned(), |place| format!("{place}.{table}"))
    }

    /// Executes statements.
    pub(crate) fn run(&self, sql: &str) {
        match &self.client {
            Client::Sqlite(connection) => connection
                .lock()
                .unwrap()
                .execute_batch(sql)
                .unwrap_or_else(|e| panic!("{sql}: {e}")),
            Client::MySql(connection) => {
                for one in sql.split(';').filter(|one| !one.trim().is_empty()) {
                    connection
                        .lock()
                        .unwrap()
                        .query_drop(one)
                        .unwrap_or_else(|e| panic!("{one}: {e}"));
                }
            }
            Client::Postgres(client) => {
                aside(|| client.lock().unwrap().batch_execute(sql))
                    .unwrap_or_else(|e| panic!("{sql}: {e}"));
            }
        }
    }

    /// All rows of a query, as texts; null is `NULL`.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match &self.client {
            Client::Sqlite(connection) => {
                let connection = connection.lock().unwrap();
                let mut statement =
                    connection.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
                let count = statement.column_count();
                let rows = statement
                    .query_map([], |row| {
                        (0..count).map(|at| row.get_ref(at).map(sqlite_text)).collect()
                    })
                    .unwrap();
                rows.map(Result::unwrap).collect()
            }
            Client::MySql(connection) => {
                let rows: Vec<mysql::Row> =
                    connection.lock().unwrap().query(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
                rows.into_iter().map(|row| row.unwrap().iter().map(mysql_text).collect()).collect()
            }
            Client::Postgres(client) => {
                let found = aside(|| client.lock().unwrap().simple_query(sql))
                    .unwrap_or_else(|e| panic!("{sql}: {e}"));
                let rows = found.iter().filter_map(|message| match message {
                    postgres::SimpleQueryMessage::Row(row) => Some(
                        (0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned()).collect(),
                    ),
                    _ => None,
                });
                rows.collect()
            }
        }
    }
}

/// On a thread of its own: PostgreSQL's client cannot be used by who is async.
fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

fn sqlite_text(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{bytes:02x?}"),
    }
}

fn mysql_text(value: &mysql::Value) -> String {
    match value {
        mysql::Value::NULL => "NULL".to_owned(),
        mysql::Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}
