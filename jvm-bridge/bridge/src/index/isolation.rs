//! Which classes a plugin's class loader takes from its own jars.
//!
//! Classes of the JDK, of SLF4J and of Kafka's API come from the parent even if the plugin brings
//! a copy, else they would not be the same types. Of Kafka's classes, those that are plugins
//! themselves come from the plugin's jars.

/// Packages of the parent. What is below them is the parent's too.
const PARENT: &[&str] = &[
    "java",
    "javax.accessibility",
    "javax.activation",
    "javax.activity",
    "javax.annotation",
    "javax.batch.api",
    "javax.batch.operations",
    "javax.batch.runtime",
    "javax.crypto",
    "javax.decorator",
    "javax.ejb",
    "javax.el",
    "javax.enterprise.concurrent",
    "javax.enterprise.context",
    "javax.enterprise.deploy.model",
    "javax.enterprise.deploy.shared",
    "javax.enterprise.deploy.spi",
    "javax.enterprise.event",
    "javax.enterprise.inject",
    "javax.enterprise.util",
    "javax.faces",
    "javax.imageio",
    "javax.inject",
    "javax.interceptor",
    "javax.jms",
    "javax.json",
    "javax.jws",
    "javax.lang.model",
    "javax.mail",
    "javax.management",
    "javax.naming",
    "javax.net",
    "javax.persistence",
    "javax.print",
    "javax.resource",
    "javax.rmi",
    "javax.script",
    "javax.security.auth",
    "javax.security.cert",
    "javax.security.jacc",
    "javax.security.sasl",
    "javax.servlet",
    "javax.sound.midi",
    "javax.sound.sampled",
    "javax.sql",
    "javax.swing",
    "javax.tools",
    "javax.transaction",
    "javax.validation",
    "javax.websocket",
    "javax.ws.rs",
    "javax.xml",
    "org.ietf.jgss",
    "org.omg.CORBA",
    "org.omg.CosNaming",
    "org.omg.Dynamic",
    "org.omg.DynamicAny",
    "org.omg.IOP",
    "org.omg.Messaging",
    "org.omg.PortableInterceptor",
    "org.omg.PortableServer",
    "org.omg.SendingContext",
    "org.omg.stub.java.rmi",
    "org.w3c.dom",
    "org.xml.sax",
    "org.apache.kafka",
    "org.slf4j",
];

/// Whether a class of this binary name (with dots) is loaded from the plugin's own location.
pub(crate) fn is_isolated(name: &str) -> bool {
    let is_below =
        |package: &&str| name.strip_prefix(*package).is_some_and(|rest| rest.starts_with('.'));
    !PARENT.iter().any(is_below) || is_plugin_of_kafka(name)
}

/// Whether it is a class of Kafka's that may be a plugin, not one of the API.
fn is_plugin_of_kafka(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix("org.apache.kafka.common.config.provider.") {
        return rest != "ConfigProvider";
    }
    let Some(rest) = name.strip_prefix("org.apache.kafka.connect.") else { return false };
    if let Some(rest) = rest.strip_prefix("transforms.") {
        return !rest.starts_with("Transformation") && rest != "predicates.Predicate";
    }
    if let Some(rest) = rest.strip_prefix("connector.policy.") {
        return !matches!(
            rest,
            "ConnectorClientConfigOverridePolicy"
                | "ConnectorClientConfigRequest"
                | "ConnectorClientConfigRequest$ClientType"
        );
    }
    let exact = [
        "storage.StringConverter",
        "storage.SimpleHeaderConverter",
        "rest.basic.auth.extension.BasicAuthSecurityRestExtension",
    ];
    let packages = ["json.", "file.", "mirror.", "mirror-client.", "converters."];
    exact.contains(&rest) || packages.iter().any(|package| rest.starts_with(package))
}
