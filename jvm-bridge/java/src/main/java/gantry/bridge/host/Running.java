package gantry.bridge.host;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A plugin whose calls may take for ever. It knows which threads are in them, and so where it hangs. */
public abstract class Running extends Hosted {
    private final Set<Thread> inside = ConcurrentHashMap.newKeySet();

    Running(ClassLoader loader, long target) {
        super(loader, target);
    }

    @Override
    final Set<Thread> inside() {
        return inside;
    }

    /** Where the threads in calls of it stand now. */
    public final String stacks() {
        StringBuilder text = new StringBuilder();
        for (Thread thread : inside) {
            text.append(thread.getName()).append(' ').append(thread.getState()).append('\n');
            for (StackTraceElement frame : thread.getStackTrace()) {
                text.append("\tat ").append(frame).append('\n');
            }
        }
        return text.toString();
    }
}
