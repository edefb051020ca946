package gantry.bridge.load;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import java.util.jar.Manifest;
import org.apache.kafka.connect.runtime.isolation.PluginUtils;

/**
 * The class loader of one plugin location: its own classes first, as in Kafka, and Kafka's rule for what must come
 * from the parent. It differs from Kafka's in three ways: logging comes from the parent, so that the plugin's logs
 * reach us; calls that would end the process are turned into {@link gantry.bridge.Contained}; and what some plugins do
 * with a Kafka client of their own is done on our log: {@link SchemaHistory}, {@link KafkaClients}.
 */
final class PluginLoader extends URLClassLoader {
    /** Logging, and ourselves: these come from the parent if it has them. */
    private static final String[] PARENT_FIRST = {
        "org.apache.log4j.", "org.apache.logging.log4j.", "org.apache.commons.logging.", "gantry.bridge."
    };

    static {
        registerAsParallelCapable();
    }

    private final String location;
    private final ClassSources sources;

    PluginLoader(String location, URL[] urls, ClassLoader parent) {
        super(urls, parent);
        this.location = location;
        this.sources = new ClassSources(urls);
    }

    @Override
    public String toString() {
        return "PluginLoader{" + location + "}";
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            Class<?> found = findLoadedClass(name);
            if (found == null && isOurs(name)) {
                found = findOrNull(name);
            }
            if (found == null) {
                found = super.loadClass(name, false);
            }
            if (resolve) {
                resolveClass(found);
            }
            return found;
        }
    }

    /** Where not, the parent is asked first, and what it does not have comes from here after all. */
    private static boolean isOurs(String name) {
        for (String prefix : PARENT_FIRST) {
            if (name.startsWith(prefix)) {
                return false;
            }
        }
        return PluginUtils.shouldLoadInIsolation(name);
    }

    private Class<?> findOrNull(String name) {
        try {
            return findClass(name);
        } catch (ClassNotFoundException e) {
            return null;
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        try {
            if (SchemaHistory.isOurs(name)) {
                byte[] bytes = SchemaHistory.ours();
                return defineClass(name, bytes, 0, bytes.length);
            }
            ClassSources.Found found = sources.find(name);
            if (found != null) {
                return define(name, found);
            }
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
        // A class that a manifest's Class-Path leads to, or that stands behind a URL which is no file.
        return super.findClass(name);
    }

    private Class<?> define(String name, ClassSources.Found found) throws IOException {
        byte[] bytes = rewrite(name, found.bytes());
        definePackage(name, found);
        return defineClass(name, bytes, 0, bytes.length, new CodeSource(found.url(), found.signers()));
    }

    private static byte[] rewrite(String name, byte[] original) {
        if (SchemaHistory.isOriginal(name)) {
            return SchemaHistory.rewrite(original);
        }
        return KafkaClients.isFactory(name) ? KafkaClients.rewrite(original) : ExitRewriter.rewrite(original);
    }

    private void definePackage(String className, ClassSources.Found found) throws IOException {
        int dot = className.lastIndexOf('.');
        if (dot < 0) {
            return;
        }
        String name = className.substring(0, dot);
        if (getDefinedPackage(name) != null) {
            return;
        }
        try {
            Manifest manifest = found.manifest();
            if (manifest == null) {
                definePackage(name, null, null, null, null, null, null, null);
            } else {
                definePackage(name, manifest, found.url());
            }
        } catch (IllegalArgumentException e) {
            // Another thread was faster, which is as good.
            if (getDefinedPackage(name) == null) {
                throw e;
            }
        }
    }

    @Override
    public URL getResource(String name) {
        URL own = findResource(name);
        return own != null ? own : super.getResource(name);
    }

    @Override
    public Enumeration<URL> getResources(String name) throws IOException {
        List<URL> found = new ArrayList<>(Collections.list(findResources(name)));
        found.addAll(Collections.list(getParent().getResources(name)));
        return Collections.enumeration(found);
    }

    @Override
    public void close() throws IOException {
        try {
            super.close();
        } finally {
            sources.close();
        }
    }
}
