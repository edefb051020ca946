package gantry.bridge.load;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The parent of all plugins' loaders. As Kafka's delegating loader does, it finds, besides our own class path, the
 * plugin classes of all locations by name: a connector may name a converter that lives in another location.
 */
final class SharedLoader extends ClassLoader {
    static {
        registerAsParallelCapable();
    }

    private final Map<String, PluginLoader> plugins = new ConcurrentHashMap<>();

    SharedLoader(ClassLoader parent) {
        super(parent);
    }

    /** Makes a plugin class findable by the others. The first location that brings a class keeps the name. */
    void remember(Class<?> plugin) {
        if (plugin.getClassLoader() instanceof PluginLoader loader) {
            plugins.putIfAbsent(plugin.getName(), loader);
        }
    }

    void forget(PluginLoader loader) {
        plugins.values().removeIf(loader::equals);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        PluginLoader loader = plugins.get(name);
        return loader == null ? super.loadClass(name, resolve) : loader.loadClass(name, resolve);
    }
}
