package gantry.bridge.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.Contained;
import gantry.bridge.FakeRuntime;
import gantry.bridge.TestPlugins;
import gantry.bridge.Upcall;
import gantry.plugins.Leaver;
import gantry.plugins.NumberSource;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.function.IntConsumer;
import org.apache.kafka.connect.source.SourceConnector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** Isolation, what surrounds a class, and classes that want to end the process. */
class PluginLoaderTest {
    @TempDir
    Path folder;

    private final FakeRuntime runtime = FakeRuntime.install();
    private URL jar;
    private PluginLoader loader;

    @BeforeEach
    void open() throws IOException {
        jar = TestPlugins.jar(folder).toUri().toURL();
        loader = new PluginLoader("test", new URL[] {jar}, getClass().getClassLoader());
    }

    @AfterEach
    void close() throws IOException {
        loader.close();
    }

    @Test
    void ownClassesComeFirstAndKafkasFromTheParent() throws Exception {
        Class<?> own = loader.loadClass(NumberSource.class.getName());
        assertNotSame(NumberSource.class, own);
        assertSame(loader, own.getClassLoader());
        assertTrue(SourceConnector.class.isAssignableFrom(own));
        assertEquals(jar, own.getProtectionDomain().getCodeSource().getLocation());
        assertEquals("9.8.7", own.getPackage().getImplementationVersion());
        assertSame(own, loader.loadClass(NumberSource.class.getName()));
        assertSame(org.slf4j.Logger.class, loader.loadClass("org.slf4j.Logger"));
        assertThrows(ClassNotFoundException.class, () -> loader.loadClass("gantry.plugins.Absent"));
    }

    @Test
    void resourcesToo() throws IOException {
        try (InputStream in = loader.getResourceAsStream("resource.txt")) {
            assertEquals("new", new String(in.readAllBytes()));
        }
        String name = "gantry/plugins/NumberSource.class";
        assertTrue(loader.getResource(name).toString().startsWith("jar:" + jar));
        assertEquals(2, Collections.list(loader.getResources(name)).size());
    }

    @Test
    void directoriesOfClasses() throws Exception {
        Path classes = Files.createDirectories(folder.resolve("classes/some/place"));
        Files.write(classes.resolve("Thing.class"), emptyClass("some/place/Thing", Opcodes.V17));
        URL[] urls = {folder.resolve("classes").toUri().toURL()};
        try (PluginLoader other = new PluginLoader("dir", urls, loader)) {
            assertSame(other, other.loadClass("some.place.Thing").getClassLoader());
        }
    }

    @Test
    void nobodyLeaves() throws Exception {
        Class<?> own = loader.loadClass(Leaver.class.getName());
        IntConsumer leaver = (IntConsumer) own.getDeclaredConstructor().newInstance();
        for (int way = 1; way <= 5; way++) {
            int wanted = way;
            assertThrows(Contained.ExitError.class, () -> leaver.accept(wanted));
            FakeRuntime.Asked asked = runtime.asked(Upcall.EXIT).get(way - 1);
            assertEquals(way, asked.in().i32());
        }
        runtime.refuse(Upcall.EXIT, "going down");
        assertThrows(Contained.ExitError.class, () -> leaver.accept(1));
    }

    @Test
    void onlyWhatMayLeaveIsChanged() throws IOException {
        byte[] innocent = classFile(NumberSource.class.getName().replace("Source", "Task"));
        assertSame(innocent, ExitRewriter.rewrite(innocent));
        byte[] leaver = classFile(Leaver.class.getName());
        assertTrue(ExitScan.mayExit(leaver));
        assertNotSame(leaver, ExitRewriter.rewrite(leaver));
        byte[] future = leaver.clone();
        future[7] = 120;
        assertSame(future, ExitRewriter.rewrite(future));
    }

    @Test
    void nothingIsFoundAfterTheEnd() throws IOException {
        loader.close();
        assertThrows(ClassNotFoundException.class, () -> loader.loadClass("gantry.only.InPlugin"));
    }

    private static byte[] classFile(String name) throws IOException {
        String file = "/" + name.replace('.', '/') + ".class";
        try (InputStream in = PluginLoaderTest.class.getResourceAsStream(file)) {
            return in.readAllBytes();
        }
    }

    private static byte[] emptyClass(String name, int version) {
        ClassWriter writer = new ClassWriter(0);
        writer.visit(version, Opcodes.ACC_PUBLIC, name, null, "java/lang/Object", null);
        MethodVisitor constructor = writer.visitMethod(Opcodes.ACC_PUBLIC, "<init>", "()V", null, null);
        constructor.visitCode();
        constructor.visitVarInsn(Opcodes.ALOAD, 0);
        constructor.visitMethodInsn(Opcodes.INVOKESPECIAL, "java/lang/Object", "<init>", "()V", false);
        constructor.visitInsn(Opcodes.RETURN);
        constructor.visitMaxs(1, 1);
        constructor.visitEnd();
        writer.visitEnd();
        return writer.toByteArray();
    }
}
