package gantry.bridge;

import gantry.bridge.codec.Output;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.connect.errors.RetriableException;

/** Something thrown, in the form in which the other side reads it. */
public final class Failure {
    private static final int RETRIABLE = 1;
    private static final int OUT_OF_MEMORY = 2;
    private static final int VIRTUAL_MACHINE = 4;
    private static final int INTERRUPTED = 8;

    private static final int MAX_CAUSES = 64;

    /** Enough for any real stack trace; the limit is for endless causes and messages that hold whole documents. */
    private static final int MAX_TEXT = 1 << 20;

    private Failure() {
    }

    public static void write(Throwable thrown, Output out) {
        List<Throwable> chain = chain(thrown);
        out.u8(flags(thrown, chain));
        out.v(chain.size());
        for (Throwable cause : chain) {
            out.str(cause.getClass().getName());
            out.ostr(message(cause));
        }
        out.str(stackTrace(thrown));
    }

    /** The text of {@code printStackTrace}; a plugin's exception may fail even at that. */
    public static String stackTrace(Throwable thrown) {
        StringWriter text = new StringWriter();
        try {
            thrown.printStackTrace(new PrintWriter(text, true));
        } catch (RuntimeException e) {
            text.write(thrown.getClass().getName());
        }
        return limited(text.toString());
    }

    private static List<Throwable> chain(Throwable thrown) {
        List<Throwable> chain = new ArrayList<>();
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Throwable t = thrown; t != null && chain.size() < MAX_CAUSES && seen.add(t); t = t.getCause()) {
            chain.add(t);
        }
        return chain;
    }

    /** Only the outermost exception says whether to retry, as for Kafka's worker; the rest may stand anywhere. */
    private static int flags(Throwable thrown, List<Throwable> chain) {
        int flags = thrown instanceof RetriableException ? RETRIABLE : 0;
        for (Throwable cause : chain) {
            if (cause instanceof OutOfMemoryError) {
                flags |= OUT_OF_MEMORY;
            } else if (cause instanceof VirtualMachineError) {
                flags |= VIRTUAL_MACHINE;
            } else if (cause instanceof InterruptedException || cause instanceof InterruptException) {
                flags |= INTERRUPTED;
            }
        }
        return flags;
    }

    private static String message(Throwable thrown) {
        try {
            String message = thrown.getMessage();
            return message == null ? null : limited(message);
        } catch (RuntimeException e) {
            return null;
        }
    }

    private static String limited(String text) {
        return text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT) + "...";
    }

    /** To be made while there is memory, for when there is none left to describe what happened. */
    static byte[] lastResort() {
        Output out = new Output(1024);
        write(new OutOfMemoryError("no memory was left to describe the failure"), out);
        return out.toBytes();
    }
}
