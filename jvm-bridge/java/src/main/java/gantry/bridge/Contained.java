package gantry.bridge;

import gantry.bridge.codec.Output;
import gantry.bridge.host.Scope;

/**
 * What plugins call where their code says {@code System.exit}, {@code Runtime.exit} or {@code Runtime.halt}: one
 * plugin must not end the process in which all the others run.
 */
public final class Contained {
    private Contained() {
    }

    /** Thrown instead of leaving. An error, so that a plugin that catches exceptions does not go on. */
    public static final class ExitError extends Error {
        ExitError(int status) {
            super("the plugin wanted to end the process with status " + status);
        }
    }

    public static void exit(int status) {
        ExitError error = new ExitError(status);
        try {
            Output request = new Output(1024);
            request.i32(status);
            request.str(Failure.stackTrace(error));
            Upcall.call(Upcall.EXIT, Scope.target(), request);
        } catch (RuntimeException | LinkageError e) {
            error.addSuppressed(e);
        }
        throw error;
    }

    /** In place of the methods of {@link Runtime}: the receiver is on the stack and has to go somewhere. */
    public static void exit(Runtime runtime, int status) {
        exit(status);
    }
}
