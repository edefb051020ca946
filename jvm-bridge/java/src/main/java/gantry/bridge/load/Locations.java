package gantry.bridge.load;

import gantry.bridge.codec.Input;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.connect.errors.ConnectException;

/** The places that plugins come from. The class loader of a place is made when something of it is first wanted. */
public final class Locations {
    /** Stands for our own class path: what Kafka itself brings along. */
    private static final int OWN = 0;

    private static final SharedLoader SHARED = new SharedLoader(Locations.class.getClassLoader());
    private static final Map<Integer, Location> OPEN = new ConcurrentHashMap<>();

    private Locations() {
    }

    /** One place: what it is called in messages, the jars or directories in it, and its loader once there is one. */
    private static final class Location {
        private final String path;
        private final URL[] urls;
        private PluginLoader loader;

        Location(String path, URL[] urls) {
            this.path = path;
            this.urls = urls;
        }

        synchronized PluginLoader loader() {
            if (loader == null) {
                loader = new PluginLoader(path, urls, SHARED);
                JdbcDrivers.register(loader);
            }
            return loader;
        }

        synchronized void close() throws IOException {
            if (loader != null) {
                SHARED.forget(loader);
                loader.close();
            }
        }
    }

    public static void add(Input request) throws IOException {
        int id = request.v();
        String path = request.str();
        URL[] urls = new URL[request.count()];
        for (int i = 0; i < urls.length; i++) {
            urls[i] = url(request.str());
        }
        Location before = OPEN.put(id, new Location(path, urls));
        if (before != null) {
            before.close();
        }
    }

    private static URL url(String text) throws MalformedURLException {
        return URI.create(text).toURL();
    }

    public static void remove(Input request) throws IOException {
        Location location = OPEN.remove(request.v());
        if (location != null) {
            location.close();
        }
    }

    public static ClassLoader loader(int id) {
        if (id == OWN) {
            return SHARED;
        }
        Location location = OPEN.get(id);
        if (location == null) {
            throw new ConnectException("plugin location " + id + " is not known");
        }
        return location.loader();
    }

    /** The loader that finds every plugin described so far, and our own class path. */
    static SharedLoader shared() {
        return SHARED;
    }
}
