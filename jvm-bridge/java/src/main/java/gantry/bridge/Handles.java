package gantry.bridge;

import gantry.bridge.host.Hosted;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The numbers by which the other side knows our objects. A number is never used twice. */
final class Handles {
    private static final Map<Long, Hosted> OPEN = new ConcurrentHashMap<>();
    private static final AtomicLong LAST = new AtomicLong();

    private Handles() {
    }

    static long add(Hosted hosted) {
        long handle = LAST.incrementAndGet();
        OPEN.put(handle, hosted);
        return handle;
    }

    static <T extends Hosted> T get(long handle, Class<T> type) {
        Hosted hosted = OPEN.get(handle);
        if (!type.isInstance(hosted)) {
            throw new IllegalStateException("handle " + handle + " is "
                    + (hosted == null ? "not open" : "a " + hosted.getClass().getSimpleName())
                    + ", wanted: " + type.getSimpleName());
        }
        return type.cast(hosted);
    }

    static Hosted remove(long handle) {
        return OPEN.remove(handle);
    }

    static int count() {
        return OPEN.size();
    }
}
