package gantry.bridge.log;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Makes an event of each line that is printed. */
final class LineStream extends OutputStream {
    /** A line is cut here: somebody may print forever without an end of line. */
    private static final int LONGEST = 64 * 1024;

    private final String logger;
    private final int level;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    LineStream(String logger, int level) {
        this.logger = logger;
        this.level = level;
    }

    @Override
    public synchronized void write(int b) {
        if (b == '\n') {
            end();
        } else if (b != '\r') {
            line.write(b);
            if (line.size() >= LONGEST) {
                end();
            }
        }
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
        for (int i = 0; i < length; i++) {
            write(bytes[offset + i]);
        }
    }

    private void end() {
        String text = line.toString(StandardCharsets.UTF_8);
        line.reset();
        if (!text.isBlank() && Levels.logger(logger).enabled(level)) {
            LogSink.write(level, logger, text, null);
        }
    }
}
