package gantry.bridge.codec;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/** Connect's constants, so that plugins that compare schemas by identity find what they look for. */
final class WellKnown {
    private static final Map<Schema, ConnectSchema> CONSTANTS = new HashMap<>();

    static {
        Schema[] constants = {
            Schema.INT8_SCHEMA, Schema.INT16_SCHEMA, Schema.INT32_SCHEMA, Schema.INT64_SCHEMA, Schema.FLOAT32_SCHEMA,
            Schema.FLOAT64_SCHEMA, Schema.BOOLEAN_SCHEMA, Schema.STRING_SCHEMA, Schema.BYTES_SCHEMA,
            Schema.OPTIONAL_INT8_SCHEMA, Schema.OPTIONAL_INT16_SCHEMA, Schema.OPTIONAL_INT32_SCHEMA,
            Schema.OPTIONAL_INT64_SCHEMA, Schema.OPTIONAL_FLOAT32_SCHEMA, Schema.OPTIONAL_FLOAT64_SCHEMA,
            Schema.OPTIONAL_BOOLEAN_SCHEMA, Schema.OPTIONAL_STRING_SCHEMA, Schema.OPTIONAL_BYTES_SCHEMA,
            Date.SCHEMA, Time.SCHEMA, Timestamp.SCHEMA,
        };
        for (Schema constant : constants) {
            CONSTANTS.put(constant, (ConnectSchema) constant);
        }
    }

    private WellKnown() {
    }

    static ConnectSchema instance(ConnectSchema schema) {
        return schema.type().isPrimitive() ? CONSTANTS.getOrDefault(schema, schema) : schema;
    }
}
