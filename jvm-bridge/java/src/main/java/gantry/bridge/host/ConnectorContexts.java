package gantry.bridge.host;

import gantry.bridge.Failure;
import gantry.bridge.Upcall;
import gantry.bridge.codec.Output;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.connector.ConnectorContext;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkConnectorContext;
import org.apache.kafka.connect.source.SourceConnectorContext;
import org.apache.kafka.connect.storage.OffsetStorageReader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What connectors may ask of their runtime. */
final class ConnectorContexts {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectorContexts.class);

    private ConnectorContexts() {
    }

    /** A connector's threads may outlive it; after its end they get Kafka's refusals. */
    abstract static class Base implements ConnectorContext {
        private final Hosted host;
        private final String name;
        private volatile boolean closed;

        Base(Hosted host, String name) {
            this.host = host;
            this.name = name;
        }

        @Override
        public void requestTaskReconfiguration() {
            if (closed) {
                throw refused("for task reconfiguration");
            }
            Upcall.call(Upcall.RECONFIGURE, host.target(), new Output(0));
        }

        @Override
        public void raiseError(Exception e) {
            if (closed) {
                LOG.warn("Connector {} attempted to raise error after shutdown:", name, e);
                throw refused("to fail the connector");
            }
            Output request = new Output(1024);
            Failure.write(e, request);
            Upcall.call(Upcall.RAISE_ERROR, host.target(), request);
        }

        private ConnectException refused(String request) {
            return new ConnectException("The request " + request + " has been rejected because this instance of the "
                    + "connector '" + name + "' has already been shut down.");
        }

        @Override
        public PluginMetrics pluginMetrics() {
            return host.metrics();
        }

        void close() {
            closed = true;
        }
    }

    static final class Sink extends Base implements SinkConnectorContext {
        Sink(Hosted host, String name) {
            super(host, name);
        }
    }

    static final class Source extends Base implements SourceConnectorContext {
        private final OffsetStorageReader offsets;

        Source(Hosted host, String name) {
            super(host, name);
            this.offsets = new OffsetReader(host.target(), name);
        }

        @Override
        public OffsetStorageReader offsetStorageReader() {
            return offsets;
        }
    }
}
