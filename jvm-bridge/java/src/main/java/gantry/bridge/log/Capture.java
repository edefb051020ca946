package gantry.bridge.log;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Exit;

/** Takes over what would otherwise leave the process past us: printed lines, java.util.logging, Kafka's own exit. */
public final class Capture {
    private static boolean installed;

    private Capture() {
    }

    public static synchronized void install() {
        if (installed) {
            return;
        }
        installed = true;
        System.setOut(printer("stdout", Level.INFO));
        System.setErr(printer("stderr", Level.WARN));
        JulHandler.install();
        Exit.setExitProcedure((status, message) -> gantry.bridge.Contained.exit(status));
        Exit.setHaltProcedure((status, message) -> gantry.bridge.Contained.exit(status));
    }

    private static PrintStream printer(String logger, int level) {
        return new PrintStream(new LineStream(logger, level), true, StandardCharsets.UTF_8);
    }
}
