package gantry.bridge.codec;

import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;

/** A schema that stands for another one, as some converters make them for types that contain themselves. */
record Recursive(Schema target) implements Schema {
    @Override
    public Schema schema() {
        return this;
    }

    @Override
    public Type type() {
        return target.type();
    }

    @Override
    public boolean isOptional() {
        return true;
    }

    @Override
    public Object defaultValue() {
        return null;
    }

    @Override
    public String name() {
        return target.name();
    }

    @Override
    public Integer version() {
        return null;
    }

    @Override
    public String doc() {
        return null;
    }

    @Override
    public Map<String, String> parameters() {
        return null;
    }

    @Override
    public Schema keySchema() {
        return null;
    }

    @Override
    public Schema valueSchema() {
        return null;
    }

    @Override
    public List<Field> fields() {
        return target.fields();
    }

    @Override
    public Field field(String name) {
        return target.field(name);
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
