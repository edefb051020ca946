package gantry.bridge.host;

import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import gantry.bridge.load.PluginRef;
import org.apache.kafka.connect.components.Versioned;
import org.apache.kafka.connect.errors.ConnectException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Whether plugins load, and which version they say they have. */
public final class Descriptions {
    private static final Logger LOG = LoggerFactory.getLogger(Descriptions.class);

    /** What Kafka shows for a plugin that does not tell its version. */
    private static final String UNDEFINED = "undefined";

    private Descriptions() {
    }

    public static void describe(Input request, Output out) {
        int count = request.count();
        out.v(count);
        for (int i = 0; i < count; i++) {
            describe(PluginRef.read(request), out);
        }
    }

    /** One plugin that does not load, for whatever reason, says nothing about the others. */
    private static void describe(PluginRef plugin, Output out) {
        try (Scope scope = Scope.enter(plugin.loader(), Scope.NOBODY)) {
            String version = version(plugin);
            out.bool(true);
            out.ostr(version);
            out.ostr(null);
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Throwable t) {
            out.bool(false);
            out.ostr(null);
            out.ostr(reason(t));
        }
    }

    /** A plugin that fails only when asked for its version is usable. */
    private static String version(PluginRef plugin) {
        Object instance = plugin.newInstance(Object.class);
        try {
            return instance instanceof Versioned versioned ? versioned.version() : UNDEFINED;
        } catch (Exception | LinkageError e) {
            LOG.error("Failed to get plugin version for {}", instance.getClass(), e);
            return UNDEFINED;
        }
    }

    /** The innermost cause says what is missing; what is around it only says that something was. */
    private static String reason(Throwable thrown) {
        Throwable cause = thrown;
        while (cause.getCause() != null && (cause instanceof ConnectException || isReflection(cause))) {
            cause = cause.getCause();
        }
        return cause.toString();
    }

    private static boolean isReflection(Throwable thrown) {
        return thrown instanceof ReflectiveOperationException
                || thrown instanceof org.apache.kafka.common.KafkaException;
    }
}
