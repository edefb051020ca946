package gantry.bridge.load;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSigner;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.zip.ZipFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The class files of a plugin location. {@link java.net.URLClassLoader} does not show the bytes of a class before it
 * defines it, and opening a connection for each class is slow, so the jars are opened here, at the first class, with
 * an index by package: most plugins have dozens of jars, and asking each of them for each class adds up.
 */
final class ClassSources implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(ClassSources.class);
    private static final String VERSIONS = "META-INF/versions/";

    /** A class file with what belongs to it. */
    record Found(byte[] bytes, URL url, CodeSigner[] signers, JarFile jar) {
        /** Null for a class in a directory. */
        Manifest manifest() throws IOException {
            return jar == null ? null : jar.getManifest();
        }
    }

    private final URL[] urls;
    private final List<JarFile> jars = new ArrayList<>();
    private Map<String, List<Source>> index;
    private boolean closed;

    /** A jar, or a directory of class files. */
    private record Source(URL url, JarFile jar, Path directory) {
        Found find(String file) throws IOException {
            if (jar == null) {
                Path path = directory.resolve(file);
                return Files.isRegularFile(path) ? new Found(Files.readAllBytes(path), url, null, null) : null;
            }
            JarEntry entry = jar.getJarEntry(file);
            if (entry == null) {
                return null;
            }
            try (InputStream in = jar.getInputStream(entry)) {
                byte[] bytes = in.readAllBytes();
                return new Found(bytes, url, entry.getCodeSigners(), jar);
            }
        }
    }

    ClassSources(URL[] urls) {
        this.urls = urls;
    }

    /** The class file of a class; null if no jar or directory of the location has it. */
    Found find(String className) throws IOException {
        String file = className.replace('.', '/').concat(".class");
        for (Source source : index().getOrDefault(packageOf(file), List.of())) {
            Found found = source.find(file);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static String packageOf(String file) {
        int slash = file.lastIndexOf('/');
        return slash < 0 ? "" : file.substring(0, slash);
    }

    private synchronized Map<String, List<Source>> index() throws IOException {
        if (closed) {
            throw new IOException("the plugin location was removed");
        }
        if (index == null) {
            Map<String, List<Source>> built = new HashMap<>();
            for (URL url : urls) {
                File file = file(url);
                if (file != null && file.isDirectory()) {
                    indexDirectory(new Source(url, null, file.toPath()), built);
                } else if (file != null && file.isFile()) {
                    indexJar(url, file, built);
                }
            }
            index = built;
        }
        return index;
    }

    private static File file(URL url) {
        if (!url.getProtocol().equals("file")) {
            return null;
        }
        try {
            return new File(url.toURI());
        } catch (URISyntaxException | IllegalArgumentException e) {
            return new File(url.getPath());
        }
    }

    private static void indexDirectory(Source source, Map<String, List<Source>> index) throws IOException {
        try (var paths = Files.walk(source.directory())) {
            for (Path path : (Iterable<Path>) paths.filter(Files::isDirectory)::iterator) {
                String name = source.directory().relativize(path).toString().replace(File.separatorChar, '/');
                add(index, name, source);
            }
        }
    }

    /** A file that is no jar is passed over, as it is on a class path. */
    private void indexJar(URL url, File file, Map<String, List<Source>> index) {
        try {
            JarFile jar = new JarFile(file, true, ZipFile.OPEN_READ, JarFile.runtimeVersion());
            jars.add(jar);
            indexJar(new Source(url, jar, null), index);
        } catch (IOException e) {
            LOG.warn("Cannot open {}", file, e);
        }
    }

    private static void indexJar(Source source, Map<String, List<Source>> index) {
        String last = null;
        for (Enumeration<JarEntry> entries = source.jar().entries(); entries.hasMoreElements();) {
            String name = entries.nextElement().getName();
            if (!name.endsWith(".class")) {
                continue;
            }
            String folder = packageOf(name);
            if (!folder.equals(last)) {
                add(index, unversioned(folder), source);
                last = folder;
            }
        }
    }

    /** The package of a folder of a multi-release jar; the jar itself picks the version later. */
    private static String unversioned(String folder) {
        if (!folder.startsWith(VERSIONS)) {
            return folder;
        }
        int slash = folder.indexOf('/', VERSIONS.length());
        return slash < 0 ? "" : folder.substring(slash + 1);
    }

    private static void add(Map<String, List<Source>> index, String folder, Source source) {
        List<Source> sources = index.computeIfAbsent(folder, key -> new ArrayList<>(2));
        if (sources.isEmpty() || sources.get(sources.size() - 1) != source) {
            sources.add(source);
        }
    }

    @Override
    public synchronized void close() throws IOException {
        closed = true;
        index = null;
        for (JarFile jar : jars) {
            jar.close();
        }
        jars.clear();
    }
}
