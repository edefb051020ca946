"""A plausible configuration for each connector class, whose server is not there. `{tmp}` is a directory without files."""

ABSENT = "127.0.0.1"
RELATIONAL = {"topic.prefix": "t", "database.hostname": ABSENT, "database.port": "1", "database.user": "u", "database.password": "p",
              "errors.max.retries": "0"}
HISTORY = {"schema.history.internal": "io.debezium.relational.history.MemorySchemaHistory"}
MONGO = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1000&connectTimeoutMS=1000"
MIRROR = {"source.cluster.alias": "a", "target.cluster.alias": "b", "source.cluster.bootstrap.servers": "127.0.0.1:1",
          "target.cluster.bootstrap.servers": "127.0.0.1:1", "admin.timeout.ms": "2000", "offset-syncs.topic.location": "target"}
# The key's file is missed before anything is asked of a network.
PUBSUB = {"gcp.credentials.file.path": "{tmp}/no-such-key.json"}
PUBSUB_LITE = {"pubsublite.project": "1", "pubsublite.location": "us-central1-a", **PUBSUB}
DEBEZIUM = "io.debezium.connector."

# Plugin → class → configuration.
CASES = {
    "file": {
        "org.apache.kafka.connect.file.FileStreamSourceConnector": {"file": "{tmp}/no-such-file", "topic": "t"},
        "org.apache.kafka.connect.file.FileStreamSinkConnector": {"file": "{tmp}/no-such-folder/file", "topics": "t"},
    },
    "debezium-postgres": {DEBEZIUM + "postgresql.PostgresConnector": {**RELATIONAL, "database.dbname": "d", "plugin.name": "pgoutput"}},
    "debezium-mariadb": {DEBEZIUM + "mariadb.MariaDbConnector": {**RELATIONAL, **HISTORY, "database.server.id": "5400"}},
    "debezium-jdbc": {DEBEZIUM + "jdbc.JdbcSinkConnector": {
        "topics": "t", "connection.url": "jdbc:postgresql://127.0.0.1:1/d", "connection.username": "u", "connection.password": "p",
        "connection.restart.on.errors": "false"}},
    "debezium-mysql": {DEBEZIUM + "mysql.MySqlConnector": {**RELATIONAL, **HISTORY, "database.server.id": "5400"}},
    "debezium-sqlserver": {DEBEZIUM + "sqlserver.SqlServerConnector": {**RELATIONAL, **HISTORY, "database.names": "d", "database.encrypt": "false"}},
    "debezium-mongodb": {
        DEBEZIUM + "mongodb.MongoDbConnector": {"topic.prefix": "t", "mongodb.connection.string": MONGO},
        DEBEZIUM + "mongodb.MongoDbSinkConnector": {"topics": "t", "mongodb.connection.string": MONGO, "sink.database": "d"},
    },
    "debezium-oracle": {DEBEZIUM + "oracle.OracleConnector": {**RELATIONAL, **HISTORY, "database.dbname": "D"}},
    "debezium-db2": {DEBEZIUM + "db2.Db2Connector": {**RELATIONAL, **HISTORY, "database.dbname": "D"}},
    "debezium-vitess": {DEBEZIUM + "vitess.VitessConnector": {**RELATIONAL, "vitess.keyspace": "k", "vitess.vtctld.host": ABSENT, "vitess.vtctld.port": "1"}},
    "debezium-informix": {DEBEZIUM + "informix.InformixConnector": {**RELATIONAL, **HISTORY, "database.dbname": "d"}},
    "mirror": {
        "org.apache.kafka.connect.mirror.MirrorSourceConnector": {**MIRROR, "topics": "x"},
        "org.apache.kafka.connect.mirror.MirrorCheckpointConnector": {**MIRROR, "groups": "g"},
        "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector": MIRROR,
    },
    "mongo": {
        "com.mongodb.kafka.connect.MongoSourceConnector": {"connection.uri": MONGO, "database": "d", "collection": "c"},
        "com.mongodb.kafka.connect.MongoSinkConnector": {"topics": "t", "connection.uri": MONGO, "database": "d", "collection": "c"},
    },
    "iceberg": {"org.apache.iceberg.connect.IcebergSinkConnector": {
        "topics": "t", "iceberg.tables": "d.t", "iceberg.catalog.type": "rest", "iceberg.catalog.uri": "http://127.0.0.1:1"}},
    "snowflake": {"com.snowflake.kafka.connector.SnowflakeSinkConnector": {
        "topics": "t", "snowflake.url.name": "127.0.0.1:1", "snowflake.user.name": "u", "snowflake.private.key": "none",
        "snowflake.database.name": "d", "snowflake.schema.name": "s"}},
    "pubsub": {
        "com.google.pubsub.kafka.sink.CloudPubSubSinkConnector": {"topics": "t", "cps.project": "p", "cps.topic": "t", **PUBSUB},
        "com.google.pubsub.kafka.source.CloudPubSubSourceConnector": {
            "kafka.topic": "t", "cps.project": "p", "cps.subscription": "s", "cps.endpoint": "127.0.0.1:1", **PUBSUB},
        "com.google.pubsublite.kafka.sink.PubSubLiteSinkConnector": {"topics": "t", "pubsublite.topic": "t", **PUBSUB_LITE},
        "com.google.pubsublite.kafka.source.PubSubLiteSourceConnector": {"kafka.topic": "t", "pubsublite.subscription": "s", **PUBSUB_LITE},
    },
}
