import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One node of OpenSearch on loopback: DIRECTORY HTTP-PORT TRANSPORT-PORT. Its data stay in the directory. */
public final class Server {
    private Server() {}

    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", arguments[1]);
            settings.put("transport.port", arguments[2]);
            settings.put("discovery.type", "single-node");
            // A disk that is nearly full is no concern of tests.
            settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
        });
        // Of its modules only the one that speaks HTTP: it starts in half of the time.
        runner.build(OpenSearchRunner.newConfigs().clusterName("gantry").numOfNode(1).basePath(arguments[0])
            .moduleTypes("org.opensearch.transport.Netty4Plugin").useLogger());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        Thread.currentThread().join();
    }
}
