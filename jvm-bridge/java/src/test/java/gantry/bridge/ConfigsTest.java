package gantry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.codec.Input;
import gantry.plugins.Leaver;
import gantry.plugins.ListSink;
import gantry.plugins.NumberSource;
import gantry.plugins.Small;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.transforms.ReplaceField;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Descriptions, definitions and validation. */
class ConfigsTest {
    private static final int OWN = 0;

    @TempDir
    Path folder;

    private final Caller caller = new Caller();
    private int location;

    private record Value(String value, List<String> recommended, List<String> errors, boolean visible) { }

    @BeforeEach
    void install() {
        FakeRuntime.install();
        location = TestPlugins.install(caller, folder);
    }

    private Input definition(int location, Class<?> plugin, String kind) {
        return caller.call(3, 0, out -> {
            out.v(location);
            out.str(plugin.getName());
            out.str(kind);
        });
    }

    private Map<String, Value> validate(Class<?> plugin, Map<String, String> properties) {
        Input in = caller.call(4, 0, out -> {
            out.v(location);
            out.str(plugin.getName());
            out.map(properties);
        });
        Map<String, Value> values = new HashMap<>();
        int count = in.v();
        for (int i = 0; i < count; i++) {
            values.put(in.str(), new Value(in.ostr(), texts(in), texts(in), in.bool()));
        }
        return values;
    }

    private static List<String> texts(Input in) {
        List<String> texts = new ArrayList<>();
        int count = in.v();
        for (int i = 0; i < count; i++) {
            texts.add(in.str());
        }
        return texts;
    }

    @Test
    void definitionOfASource() {
        Input in = definition(location, NumberSource.class, "source");
        assertEquals(List.of("main"), texts(in));
        assertEquals(4, in.v());
        assertEquals("count", in.str());
        assertEquals("INT", in.str());
        assertTrue(in.bool());
        assertEquals("3", in.ostr());
        assertEquals("HIGH", in.str());
        assertEquals("how many", in.str());
        assertEquals("main", in.ostr());
        assertEquals(1, in.i32());
        assertEquals("SHORT", in.str());
        assertEquals("Count", in.ostr());
        assertEquals(List.of("topic"), texts(in));
        assertFalse(in.bool());
        assertEquals("topic", in.str());
        assertEquals("STRING", in.str());
        assertFalse(in.bool());
        assertEquals("LOW", in.str());
        assertEquals("where to", in.str());
        assertNull(in.ostr());
    }

    @Test
    void definitionsOfOtherKinds() {
        assertEquals(List.of(), texts(definition(location, Small.TypeHeaderConverter.class, "header_converter")));
        assertEquals(0, definition(location, Small.EchoProvider.class, "config_provider").i8());
        Input in = definition(OWN, ReplaceField.Value.class, "transformation");
        texts(in);
        assertEquals(ReplaceField.CONFIG_DEF.configKeys().size(), in.v());
    }

    @Test
    void definitionsThatAreMissing() {
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> definition(location, ListSink.class, "sink"));
        assertEquals("org.apache.kafka.connect.runtime.rest.errors.BadRequestException", e.classes.get(0));
        assertEquals("gantry.plugins.ListSink.config() must return a ConfigDef that is not null.", e.messages.get(0));
        assertThrows(Caller.Failed.class, () -> validate(ListSink.class, Map.of()));
        e = assertThrows(Caller.Failed.class, () -> definition(location, Small.HasKey.class, "predicate"));
        assertEquals("org.apache.kafka.connect.errors.ConnectException", e.classes.get(0));
    }

    @Test
    void validation() {
        Map<String, Value> values = validate(NumberSource.class, Map.of("count", "0", "secret", "x", "names", "c, d"));
        assertEquals("0", values.get("count").value());
        assertEquals(List.of("1", "2"), values.get("count").recommended());
        assertFalse(values.get("count").visible());
        assertEquals(List.of("Invalid value 0 for configuration count: Value must be at least 1"),
                values.get("count").errors());
        assertEquals("[hidden]", values.get("secret").value());
        assertEquals("c,d", values.get("names").value());
        assertNull(values.get("topic").value());
        assertEquals(List.of("Missing required configuration \"topic\" which has no default value."),
                values.get("topic").errors());
        assertEquals(1, validate(Small.Move.class, Map.of("topic", "")).get("topic").errors().size());
    }

    @Test
    void descriptions() {
        Input in = caller.call(2, 0, out -> {
            out.v(4);
            for (String name : List.of(NumberSource.class.getName(), Leaver.class.getName(), "gantry.plugins.None",
                    "org.apache.kafka.connect.sink.SinkConnector")) {
                out.v(location);
                out.str(name);
            }
        });
        assertEquals(4, in.v());
        assertTrue(in.bool());
        assertEquals("1.2.3", in.ostr());
        assertNull(in.ostr());
        assertTrue(in.bool());
        assertEquals("undefined", in.ostr());
        assertNull(in.ostr());
        assertFalse(in.bool());
        assertNull(in.ostr());
        assertEquals("java.lang.ClassNotFoundException: gantry.plugins.None", in.ostr());
        assertFalse(in.bool());
        assertNull(in.ostr());
        assertTrue(in.ostr().startsWith("java.lang.InstantiationException"));
    }

    @Test
    void memoryIsTold() {
        Input in = caller.call(8, 0);
        long used = in.i64();
        long committed = in.i64();
        assertTrue(used > 0 && used <= committed && committed <= in.i64());
        assertTrue(in.i64() >= 0);
    }
}
