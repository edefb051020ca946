package gantry.bridge;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import gantry.bridge.host.ConfigProviderHost;
import gantry.bridge.host.Configs;
import gantry.bridge.host.ConnectorHost;
import gantry.bridge.host.ConverterHost;
import gantry.bridge.host.Descriptions;
import gantry.bridge.host.HeaderConverterHost;
import gantry.bridge.host.Hosted;
import gantry.bridge.host.OverridePolicyHost;
import gantry.bridge.host.PredicateHost;
import gantry.bridge.host.Running;
import gantry.bridge.host.Scope;
import gantry.bridge.host.SinkTaskHost;
import gantry.bridge.host.SourceTaskHost;
import gantry.bridge.host.TaskHost;
import gantry.bridge.host.TransformationHost;
import gantry.bridge.load.Locations;
import gantry.bridge.load.PluginRef;
import gantry.bridge.log.Levels;

/** The table of operations. */
final class Dispatcher {
    /** What an operation does with its request and reply, given the handle. */
    @FunctionalInterface
    private interface Operation {
        void run(long handle, Exchange exchange) throws Exception;
    }

    /** The same for an operation of an object that a handle stands for. */
    @FunctionalInterface
    private interface Method<T> {
        void run(T hosted, Exchange exchange) throws Exception;
    }

    @FunctionalInterface
    private interface Maker {
        Hosted make(PluginRef plugin, Input request) throws Exception;
    }

    private static final int COUNT = 74;
    private static final Operation[] TABLE = new Operation[COUNT];

    static {
        TABLE[1] = (handle, exchange) -> Locations.add(exchange.in());
        TABLE[2] = (handle, exchange) -> Descriptions.describe(exchange.in(), exchange.out());
        TABLE[3] = (handle, exchange) -> Configs.definition(exchange.in(), exchange.out());
        TABLE[4] = (handle, exchange) -> Configs.validate(exchange.in(), exchange.out());
        TABLE[5] = (handle, exchange) -> Locations.remove(exchange.in());
        TABLE[6] = (handle, exchange) -> Levels.replace(exchange.in());
        TABLE[7] = (handle, exchange) -> release(handle);
        TABLE[8] = (handle, exchange) -> memory(exchange.out());
        TABLE[9] = (handle, exchange) -> exchange.out().str(Handles.get(handle, Running.class).stacks());
        connectors();
        tasks();
        others();
    }

    private Dispatcher() {
    }

    private static void connectors() {
        make(10, ConnectorHost::new);
        on(11, ConnectorHost.class, ConnectorHost::start);
        on(12, ConnectorHost.class, ConnectorHost::taskConfigs);
        on(13, ConnectorHost.class, ConnectorHost::stop);
        on(14, ConnectorHost.class, ConnectorHost::exactlyOnceSupport);
        on(15, ConnectorHost.class, ConnectorHost::transactionBoundaries);
        on(16, ConnectorHost.class, ConnectorHost::alterOffsets);
    }

    private static void tasks() {
        TABLE[20] = (handle, exchange) -> {
            TaskHost task = TaskHost.create(exchange.in());
            exchange.out().i64(Handles.add(task));
            exchange.out().bool(task instanceof SourceTaskHost);
            exchange.out().u8(task.commitMethods());
        };
        on(21, TaskHost.class, TaskHost::start);
        on(22, SourceTaskHost.class, SourceTaskHost::poll);
        on(23, SourceTaskHost.class, SourceTaskHost::committed);
        on(24, SourceTaskHost.class, SourceTaskHost::commit);
        on(25, TaskHost.class, TaskHost::stop);
        on(30, SinkTaskHost.class, SinkTaskHost::open);
        on(31, SinkTaskHost.class, SinkTaskHost::put);
        on(32, SinkTaskHost.class, SinkTaskHost::preCommit);
        on(33, SinkTaskHost.class, SinkTaskHost::close);
    }

    private static void others() {
        make(40, ConverterHost::new);
        on(41, ConverterHost.class, ConverterHost::fromConnect);
        on(42, ConverterHost.class, ConverterHost::toConnect);
        make(50, HeaderConverterHost::new);
        on(51, HeaderConverterHost.class, HeaderConverterHost::fromConnect);
        on(52, HeaderConverterHost.class, HeaderConverterHost::toConnect);
        make(60, TransformationHost::new);
        on(61, TransformationHost.class, TransformationHost::apply);
        make(62, PredicateHost::new);
        on(63, PredicateHost.class, PredicateHost::test);
        make(70, ConfigProviderHost::new);
        on(71, ConfigProviderHost.class, ConfigProviderHost::get);
        make(72, OverridePolicyHost::new);
        on(73, OverridePolicyHost.class, OverridePolicyHost::validate);
    }

    static void run(int operation, long handle, Exchange exchange) throws Exception {
        Operation found = operation >= 0 && operation < COUNT ? TABLE[operation] : null;
        if (found == null) {
            throw new IllegalStateException("unknown operation " + operation);
        }
        found.run(handle, exchange);
    }

    private static void make(int operation, Maker maker) {
        TABLE[operation] = (handle, exchange) -> {
            Input in = exchange.in();
            exchange.out().i64(Handles.add(maker.make(PluginRef.read(in), in)));
        };
    }

    private static <T extends Hosted> void on(int operation, Class<T> type, Method<T> method) {
        TABLE[operation] = (handle, exchange) -> {
            T hosted = Handles.get(handle, type);
            try (Scope scope = hosted.enter()) {
                method.run(hosted, exchange);
            }
        };
    }

    private static void release(long handle) throws Exception {
        Hosted hosted = Handles.remove(handle);
        if (hosted != null) {
            try (Scope scope = hosted.enter()) {
                hosted.close();
            }
        }
    }

    private static void memory(Output out) {
        Runtime runtime = Runtime.getRuntime();
        long committed = runtime.totalMemory();
        out.i64(committed - runtime.freeMemory());
        out.i64(committed);
        out.i64(runtime.maxMemory());
        out.i64(Handles.count());
    }
}
