//! What this build holds.

use gantry_api::ConnectorPlugin;

/// All connectors that this build holds, in the order of their folders.
pub fn plugins() -> Vec<ConnectorPlugin> {
    let lists: &[fn() -> Vec<ConnectorPlugin>] = &[
        #[cfg(feature = "cdc")]
        crate::cdc::plugins,
        #[cfg(feature = "datagen")]
        crate::datagen::plugins,
        #[cfg(feature = "datagen")]
        crate::datagen::confluent::plugins,
        #[cfg(feature = "elasticsearch")]
        crate::elasticsearch::plugins,
        #[cfg(feature = "file")]
        crate::file::plugins,
        #[cfg(feature = "http")]
        crate::http::plugins,
        #[cfg(feature = "jdbc")]
        crate::jdbc::plugins,
        #[cfg(feature = "objects")]
        crate::objects::plugins,
        #[cfg(feature = "redis")]
        crate::redis::plugins,
        #[cfg(feature = "sftp")]
        crate::sftp::plugins,
        #[cfg(feature = "spooldir")]
        crate::spooldir::plugins,
        #[cfg(feature = "tools")]
        crate::tools::plugins,
    ];
    lists.iter().flat_map(|list| list()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_kafkas() {
        let mut registry = gantry_api::PluginRegistry::default();
        for plugin in super::plugins() {
            registry.connector(plugin);
        }
        for (name, kind) in [
            ("org.apache.kafka.connect.file.FileStreamSourceConnector", "source"),
            ("FileStreamSourceConnector", "source"),
            ("FileStreamSource", "source"),
            ("org.apache.kafka.connect.file.FileStreamSinkConnector", "sink"),
            ("FileStreamSinkConnector", "sink"),
            ("FileStreamSink", "sink"),
            ("org.gantry.connect.datagen.DatagenSourceConnector", "source"),
            ("DatagenSource", "source"),
            ("Datagen", "source"),
            ("io.confluent.kafka.connect.datagen.DatagenConnector", "source"),
            ("DatagenConnector", "source"),
            ("io.confluent.connect.s3.S3SinkConnector", "sink"),
            ("S3SinkConnector", "sink"),
            ("io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector", "sink"),
            ("org.apache.kafka.connect.tools.MockSourceConnector", "source"),
            ("MockSource", "source"),
            ("org.apache.kafka.connect.tools.MockSinkConnector", "sink"),
            ("MockSink", "sink"),
            ("org.apache.kafka.connect.tools.VerifiableSourceConnector", "source"),
            ("VerifiableSource", "source"),
            ("org.apache.kafka.connect.tools.VerifiableSinkConnector", "sink"),
            ("VerifiableSinkConnector", "sink"),
            ("org.apache.kafka.connect.tools.SchemaSourceConnector", "source"),
            ("SchemaSource", "source"),
            (
                "com.github.jcustenborder.kafka.connect.spooldir.SpoolDirCsvSourceConnector",
                "source",
            ),
            ("SpoolDirSchemaLessJsonSource", "source"),
            ("io.confluent.connect.sftp.SftpCsvSourceConnector", "source"),
            ("SftpSchemaLessJsonSource", "source"),
        ] {
            let plugin = registry.find_connector(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(plugin.type_name(), kind, "{name}");
            plugin.create().unwrap();
        }
        assert!(registry.find_connector("FileStream").is_none());
    }
}
