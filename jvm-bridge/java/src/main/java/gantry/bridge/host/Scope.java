package gantry.bridge.host;

import java.util.Set;

/**
 * What a thread is for while it runs a plugin's code: the plugin's loader as context class loader, and the connector
 * or task for its logs. Threads that the plugin starts inherit both.
 */
public final class Scope implements AutoCloseable {
    /** What the other side calls nobody. */
    public static final long NOBODY = 0;

    private static final ThreadLocal<Long> TARGET = new InheritableThreadLocal<>();

    private final Thread thread;
    private final ClassLoader loaderBefore;
    private final Long targetBefore;
    /** The threads that are within the same plugin, of those where somebody wants to know. */
    private final Set<Thread> inside;

    private Scope(Thread thread, ClassLoader loaderBefore, Long targetBefore, Set<Thread> inside) {
        this.thread = thread;
        this.loaderBefore = loaderBefore;
        this.targetBefore = targetBefore;
        this.inside = inside;
    }

    static Scope enter(ClassLoader loader, Long target) {
        return enter(loader, target, null);
    }

    static Scope enter(ClassLoader loader, Long target, Set<Thread> inside) {
        Thread thread = Thread.currentThread();
        Scope scope = new Scope(thread, thread.getContextClassLoader(), TARGET.get(), inside);
        if (inside != null) {
            inside.add(thread);
        }
        thread.setContextClassLoader(loader);
        TARGET.set(target);
        return scope;
    }

    /** For whom this thread works. */
    public static long target() {
        Long target = TARGET.get();
        return target == null ? NOBODY : target;
    }

    @Override
    public void close() {
        if (inside != null) {
            inside.remove(thread);
        }
        thread.setContextClassLoader(loaderBefore);
        if (targetBefore == null) {
            TARGET.remove();
        } else {
            TARGET.set(targetBefore);
        }
    }
}
