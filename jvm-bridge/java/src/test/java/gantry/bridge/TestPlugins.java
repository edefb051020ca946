package gantry.bridge;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/** Makes a plugin location of the classes in {@code gantry.plugins}: a jar of its own, as a plugin has it. */
public final class TestPlugins {
    private static final AtomicInteger LAST_ID = new AtomicInteger();

    private TestPlugins() {
    }

    /** The number of a new location with the jar. */
    public static int install(Caller caller, Path folder) {
        Path jar = jar(folder);
        int id = LAST_ID.incrementAndGet();
        caller.call(1, 0, out -> {
            out.v(id);
            out.str(folder.toString());
            out.v(1);
            out.str(jar.toUri().toString());
        });
        return id;
    }

    public static Path jar(Path folder) {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.IMPLEMENTATION_VERSION, "9.8.7");
        manifest.getMainAttributes().put(Attributes.Name.MULTI_RELEASE, "true");
        Path jar = folder.resolve("plugin.jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest);
                var classes = Files.list(classes())) {
            for (Path file : (Iterable<Path>) classes::iterator) {
                entry(out, "gantry/plugins/" + file.getFileName(), Files.readAllBytes(file));
            }
            entry(out, "resource.txt", "old".getBytes());
            entry(out, "META-INF/versions/17/resource.txt", "new".getBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return jar;
    }

    private static void entry(JarOutputStream out, String name, byte[] bytes) throws IOException {
        out.putNextEntry(new JarEntry(name));
        out.write(bytes);
        out.closeEntry();
    }

    private static Path classes() {
        try {
            Path root = Path.of(TestPlugins.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            return root.resolve("gantry/plugins");
        } catch (java.net.URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
