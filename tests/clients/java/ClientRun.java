import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigValidationResults;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorStatus;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.post.PostConnectorRestart;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ConcurrentConfigModificationException;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.InvalidRequestException;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ResourceNotFoundException;

/**
 * Every method of kafka-connect-client against one worker. Arguments: the worker's URL, a directory for files.
 * Prints "ok WHAT" for each check; the first that fails ends the program with status 1.
 */
public final class ClientRun {
    private static final String SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector";
    private static final String SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector";
    private static final String STRING = "org.apache.kafka.connect.storage.StringConverter";
    private static final long WAIT_LIMIT_MS = 30_000;
    private static final long WAIT_STEP_MS = 50;

    private final KafkaConnectClient client;
    private final Path home;

    private ClientRun(String url, Path home) {
        this.client = new KafkaConnectClient(new Configuration(url));
        this.home = home;
    }

    public static void main(String[] args) throws Exception {
        try {
            new ClientRun(args[0], Path.of(args[1])).all();
        } catch (Exception failure) {
            failure.printStackTrace();
            System.exit(1);
        }
    }

    private void all() throws Exception {
        Files.writeString(home.resolve("in.txt"), "one line\n");
        worker();
        create();
        read();
        lists();
        change();
        restart();
        unusualName();
        end();
    }

    private static void same(String what, Object seen, Object wanted) {
        if (!Objects.equals(seen, wanted)) {
            throw new IllegalStateException(what + ": wanted " + wanted + ", got " + seen);
        }
        System.out.println("ok " + what);
    }

    private static void has(String what, String seen, String part) {
        if (seen == null || !seen.contains(part)) {
            throw new IllegalStateException(what + ": wanted a text with \"" + part + "\", got " + seen);
        }
        System.out.println("ok " + what);
    }

    /** States change after the answer to a request: looks until it is so. */
    private static void soon(String what, Callable<?> look, Object wanted) throws Exception {
        long end = System.currentTimeMillis() + WAIT_LIMIT_MS;
        Object seen = look.call();
        while (!Objects.equals(seen, wanted) && System.currentTimeMillis() < end) {
            Thread.sleep(WAIT_STEP_MS);
            seen = look.call();
        }
        same(what, seen, wanted);
    }

    /** The exception that a request must end with; its text is the worker's. */
    private static void refused(String what, Class<?> kind, String part, Callable<?> request) throws Exception {
        try {
            throw new IllegalStateException(what + " was taken: " + request.call());
        } catch (InvalidRequestException refusal) {
            same(what + " raises", refusal.getClass(), kind);
            has(what + " says", refusal.getMessage(), part);
        }
    }

    private List<String> states(String name) {
        ConnectorStatus status = client.getConnectorStatus(name);
        List<String> states = new ArrayList<>();
        states.add(status.getConnector().get("state"));
        status.getTasks().forEach(task -> states.add(task.getState()));
        return states;
    }

    private void become(String what, String name, String... wanted) throws Exception {
        soon(what, () -> states(name), List.of(wanted));
    }

    private Map<String, String> source() {
        return new TreeMap<>(Map.of("connector.class", SOURCE, "file", home.resolve("in.txt").toString(), "topic", "lines",
            "key.converter", STRING, "value.converter", STRING));
    }

    private Map<String, String> sink(String file) {
        return new TreeMap<>(Map.of("connector.class", SINK, "file", home.resolve(file).toString(), "topics", "lines",
            "key.converter", STRING, "value.converter", STRING));
    }

    private static Map<String, String> with(Map<String, String> config, String key, String value) {
        Map<String, String> all = new TreeMap<>(config);
        all.put(key, value);
        return all;
    }

    private static NewConnectorDefinition connector(String name, Map<String, String> config) {
        return NewConnectorDefinition.newBuilder().withName(name).withConfig(config).build();
    }

    private void worker() {
        same("version", client.getConnectServerVersion().getVersion(), "4.3.1");
        has("cluster id", "<" + client.getConnectServerVersion().getKafkaClusterId() + ">", "<");
        same("connectors of an empty worker", List.copyOf(client.getConnectors()), List.of());
        long sources = client.getConnectorPlugins().stream()
            .filter(p -> p.getClassName().equals(SOURCE) && p.getType().equals("source") && p.getVersion().equals("4.3.1")).count();
        same("plugins", sources, 1L);
        ConnectorPluginConfigValidationResults good = validate(with(sink("out.txt"), "name", "copy"));
        same("validation, errors", good.getErrorCount(), 0);
        same("validation, name", good.getName(), SINK);
        ConnectorPluginConfigValidationResults bad = validate(with(with(sink("out.txt"), "name", "copy"), "tasks.max", "many"));
        same("validation, errors of a bad value", bad.getErrorCount(), 2);
        bad.getConfigs().stream().filter(c -> c.getValue().getName().equals("tasks.max")).forEach(c -> {
            same("validation, text", List.copyOf(c.getValue().getErrors()),
                List.of("Invalid value many for configuration tasks.max: Not a number of type INT",
                    "Invalid value null for configuration tasks.max: Value must be non-null"));
            same("validation, definition", c.getDefinition().getType() + " " + c.getDefinition().getDefaultValue(), "INT 1");
        });
    }

    private ConnectorPluginConfigValidationResults validate(Map<String, String> config) {
        return client.validateConnectorPluginConfig(
            ConnectorPluginConfigDefinition.newBuilder().withName("FileStreamSink").withConfig(config).build());
    }

    private void create() throws Exception {
        ConnectorDefinition lines = client.addConnector(connector("lines", source()));
        same("create, name and type", lines.getName() + " " + lines.getType(), "lines source");
        same("create, config", lines.getConfig(), with(source(), "name", "lines"));
        same("create, tasks", lines.getTasks().size(), 1);
        same("create, task", lines.getTasks().get(0).getTask(), 0);
        client.addConnector(connector("copy", sink("out.txt")));
        client.addConnector(connector("lost", sink("missing/out.txt")));
        refused("create twice", ConcurrentConfigModificationException.class, "Connector lines already exists",
            () -> client.addConnector(connector("lines", source())));
        refused("create with a bad value", InvalidRequestException.class,
            "Invalid value many for configuration tasks.max: Not a number of type INT",
            () -> client.addConnector(connector("bad", with(source(), "tasks.max", "many"))));
        refused("create of an unknown class", InvalidRequestException.class, "Failed to find any class that implements Connector",
            () -> client.addConnector(connector("bad", with(source(), "connector.class", "Nothing"))));
    }

    private void read() throws Exception {
        become("states after create", "lines", "RUNNING", "RUNNING");
        become("states of what fails", "lost", "RUNNING", "FAILED");
        ConnectorDefinition lines = client.getConnector("lines");
        same("get, config", lines.getConfig(), with(source(), "name", "lines"));
        same("config", client.getConnectorConfig("lines"), with(source(), "name", "lines"));
        ConnectorStatus status = client.getConnectorStatus("lines");
        same("status, type", status.getType(), "source");
        same("status, workers", status.getTasks().get(0).getWorkerId(), status.getConnector().get("worker_id"));
        same("tasks", client.getConnectorTasks("lines").iterator().next().getId().getConnector(), "lines");
        same("tasks, config", client.getConnectorTasks("lines").iterator().next().getConfig().get("topic"), "lines");
        same("task status", client.getConnectorTaskStatus("lines", 0).getState(), "RUNNING");
        has("task status, trace", client.getConnectorTaskStatus("lost", 0).getTrace(), home.resolve("missing/out.txt").toString());
        soon("topics", () -> client.getConnectorTopics("lines").getTopics(), List.of("lines"));
        for (Callable<?> request : List.<Callable<?>>of(() -> client.getConnector("nobody"), () -> client.deleteConnector("nobody"))) {
            refused("an unknown connector", ResourceNotFoundException.class, "Connector nobody not found", request);
        }
        refused("an unknown task", ResourceNotFoundException.class, "", () -> client.getConnectorTaskStatus("lines", 7));
    }

    private void lists() {
        same("connectors", sorted(client.getConnectors()), List.of("copy", "lines", "lost"));
        same("expanded status", client.getConnectorsWithExpandedStatus().getStatusForConnector("copy").getType(), "sink");
        same("expanded info", client.getConnectorsWithExpandedInfo().getDefinitionForConnector("copy").getConfig(),
            with(sink("out.txt"), "name", "copy"));
        same("expanded with both", sorted(client.getConnectorsWithAllExpandedMetadata().getConnectorNames()),
            List.of("copy", "lines", "lost"));
        same("expanded with both, status",
            client.getConnectorsWithAllExpandedMetadata().getStatusForConnector("lines").getConnector().get("state"), "RUNNING");
    }

    private static List<String> sorted(Collection<String> names) {
        return List.copyOf(new TreeSet<>(names));
    }

    private void change() throws Exception {
        Map<String, String> changed = with(sink("out.txt"), "errors.tolerance", "all");
        same("update", client.updateConnectorConfig("copy", changed).getConfig(), with(changed, "name", "copy"));
        same("config after update", client.getConnectorConfig("copy"), with(changed, "name", "copy"));
        become("states after update", "copy", "RUNNING", "RUNNING");
        refused("update with a bad value", InvalidRequestException.class, "tasks.max",
            () -> client.updateConnectorConfig("copy", with(changed, "tasks.max", "many")));
        same("pause", client.pauseConnector("copy"), true);
        become("states after pause", "copy", "PAUSED", "PAUSED");
        same("resume", client.resumeConnector("copy"), true);
        become("states after resume", "copy", "RUNNING", "RUNNING");
        same("stop", client.stopConnector("copy"), true);
        become("states after stop", "copy", "STOPPED");
        same("resume after stop", client.resumeConnector("copy"), true);
        become("states after stop and resume", "copy", "RUNNING", "RUNNING");
        for (Callable<?> request : List.<Callable<?>>of(() -> client.pauseConnector("nobody"), () -> client.stopConnector("nobody"),
                () -> client.resumeConnector("nobody"))) {
            refused("a change of an unknown connector", ResourceNotFoundException.class, "nobody", request);
        }
    }

    private void restart() throws Exception {
        Files.createDirectory(home.resolve("missing"));
        same("restart of what failed",
            client.restartConnector(new PostConnectorRestart("lost").withIncludeTasks(true).withOnlyFailed(true)), true);
        become("states after restart of what failed", "lost", "RUNNING", "RUNNING");
        same("restart", client.restartConnector("copy"), true);
        become("states after restart", "copy", "RUNNING", "RUNNING");
        same("restart with tasks", client.restartConnector(new PostConnectorRestart("lines").withIncludeTasks(true)), true);
        become("states after restart with tasks", "lines", "RUNNING", "RUNNING");
        same("restart of a task", client.restartConnectorTask("copy", 0), true);
        become("states after restart of a task", "copy", "RUNNING", "RUNNING");
        refused("restart of an unknown connector", ResourceNotFoundException.class, "Unknown connector: nobody",
            () -> client.restartConnector(new PostConnectorRestart("nobody").withIncludeTasks(true)));
        refused("restart of an unknown task", ResourceNotFoundException.class, "Unknown task: copy-7",
            () -> client.restartConnectorTask("copy", 7));
        for (String file : List.of("out.txt", "missing/out.txt")) {
            Path path = home.resolve(file);
            soon("lines in " + file, () -> Files.exists(path) ? Files.readString(path) : "", "one line\n");
        }
    }

    /** A name that must be escaped in a path; the client sends ASCII only. */
    private void unusualName() throws Exception {
        String name = "size 100+a?b&c#d";
        same("create of an unusual name", client.addConnector(connector(name, source())).getName(), name);
        become("states of an unusual name", name, "RUNNING", "RUNNING");
        same("tasks of an unusual name", client.getConnectorTasks(name).iterator().next().getId().getConnector(), name);
        same("restart of a task of an unusual name", client.restartConnectorTask(name, 0), true);
        same("delete of an unusual name", client.deleteConnector(name), true);
    }

    private void end() throws Exception {
        same("pause before reset of topics", client.pauseConnector("lines"), true);
        become("states before reset of topics", "lines", "PAUSED", "PAUSED");
        same("reset of topics", client.resetConnectorTopics("lines"), true);
        same("topics after reset", client.getConnectorTopics("lines").getTopics(), List.of());
        for (String name : List.of("lost", "copy", "lines")) {
            same("delete " + name, client.deleteConnector(name), true);
        }
        same("connectors after delete", List.copyOf(client.getConnectors()), List.of());
    }
}
