package gantry.bridge.log;

import java.util.HashMap;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** What is logged through java.util.logging: database drivers and the JDK itself do so. */
final class JulHandler extends Handler {
    /** Loggers whose level we set; java.util.logging itself would let them be collected, and their level with them. */
    private static final Map<String, Logger> SET = new HashMap<>();

    private final SimpleFormatter formatter = new SimpleFormatter();

    /** In place of the console. */
    static void install() {
        Logger root = Logger.getLogger("");
        for (Handler handler : root.getHandlers()) {
            root.removeHandler(handler);
        }
        root.addHandler(new JulHandler());
    }

    /** Sets the same levels there, so that what nobody reads is not even built. */
    static synchronized void levels(Map<String, Integer> levels) {
        SET.forEach((name, logger) -> {
            if (!levels.containsKey(name)) {
                logger.setLevel(null);
            }
        });
        SET.keySet().retainAll(levels.keySet());
        levels.forEach((name, level) -> {
            Logger logger = Logger.getLogger(name);
            logger.setLevel(level(level));
            SET.put(name, logger);
        });
    }

    private static java.util.logging.Level level(int number) {
        return switch (number) {
            case Level.ERROR -> java.util.logging.Level.SEVERE;
            case Level.WARN -> java.util.logging.Level.WARNING;
            case Level.INFO -> java.util.logging.Level.INFO;
            case Level.DEBUG -> java.util.logging.Level.FINE;
            case Level.TRACE -> java.util.logging.Level.FINEST;
            default -> java.util.logging.Level.OFF;
        };
    }

    private static int number(java.util.logging.Level level) {
        int value = level.intValue();
        if (value >= java.util.logging.Level.SEVERE.intValue()) {
            return Level.ERROR;
        }
        if (value >= java.util.logging.Level.WARNING.intValue()) {
            return Level.WARN;
        }
        if (value >= java.util.logging.Level.CONFIG.intValue()) {
            return Level.INFO;
        }
        return value >= java.util.logging.Level.FINE.intValue() ? Level.DEBUG : Level.TRACE;
    }

    @Override
    public void publish(LogRecord record) {
        String name = record.getLoggerName() == null ? "" : record.getLoggerName();
        int level = number(record.getLevel());
        if (Levels.logger(name).enabled(level)) {
            LogSink.write(level, name, formatter.formatMessage(record), record.getThrown());
        }
    }

    @Override
    public void flush() {
        // Events are not kept.
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
