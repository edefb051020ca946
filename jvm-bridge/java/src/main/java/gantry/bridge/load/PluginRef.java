package gantry.bridge.load;

import gantry.bridge.codec.Input;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.connect.errors.ConnectException;

/** A plugin by name: the loader of its location and its class. */
public record PluginRef(ClassLoader loader, String className) {

    public static PluginRef read(Input request) {
        int location = request.v();
        return new PluginRef(Locations.loader(location), request.str());
    }

    public <T> Class<? extends T> load(Class<T> type) {
        Class<?> loaded;
        try {
            loaded = Class.forName(className, false, loader);
        } catch (ClassNotFoundException e) {
            throw new ConnectException("Failed to find any class that implements " + type.getSimpleName()
                    + " and which name matches " + className, e);
        }
        if (!type.isAssignableFrom(loaded)) {
            throw new ConnectException("Requested class: " + className + " does not extend " + type.getSimpleName());
        }
        Locations.shared().remember(loaded);
        return loaded.asSubclass(type);
    }

    public <T> T newInstance(Class<T> type) {
        return newInstance(loader, load(type));
    }

    /** Static initializers look at the context class loader, so it is the plugin's even before the plugin exists. */
    public static <T> T newInstance(ClassLoader loader, Class<? extends T> plugin) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader);
        try {
            return Utils.newInstance(plugin);
        } catch (Throwable e) {
            throw new ConnectException("Instantiation error", e);
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
