package gantry.bridge.codec;

import java.util.List;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;

/** How structs of one schema are written: the schema's number and its fields in arrays, looked up once. */
final class Plan {
    private static final Field[] NONE = {};

    final Schema schema;
    final int id;
    final Field[] fields;

    /** The defaults of the fields; null where a field has none, which allows the quick way of reading it. */
    private final Object[] defaults;

    /** The plans of the fields' schemas: where a nested struct has exactly that schema, no look-up is needed. */
    final Plan[] nested;

    Plan(Schema schema, int id, Plan[] nested) {
        this.schema = schema;
        this.id = id;
        this.nested = nested;
        List<Field> list = schema.type() == Schema.Type.STRUCT ? schema.fields() : List.of();
        this.fields = list.toArray(NONE);
        this.defaults = new Object[fields.length];
        for (int i = 0; i < fields.length; i++) {
            defaults[i] = fields[i].schema().defaultValue();
        }
    }

    /**
     * The value of a field as it was put. {@link Struct#getWithoutDefault} looks the name up in a hash map;
     * {@link Struct#get(Field)} does not, and differs from it only where it returns the default itself.
     */
    Object read(Struct struct, int field) {
        Object value = struct.get(fields[field]);
        if (value != null && value == defaults[field]) {
            return struct.getWithoutDefault(fields[field].name());
        }
        return value;
    }
}
