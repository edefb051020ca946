package gantry.bridge.codec;

import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.DataException;

/** The schemas that the other side knows, by identity and by equality; a new one is defined on the way. */
final class SchemaDictionary {
    /** Deeper than any real schema, and far from the end of the stack: a schema that contains itself ends here. */
    private static final int MAX_DEPTH = 256;

    private final Encoder encoder;
    private final Map<Schema, Plan> byIdentity = new IdentityHashMap<>();
    private final Map<Schema, Plan> byEquality = new HashMap<>();
    private Schema last;
    private Plan lastPlan;
    private int depth;

    SchemaDictionary(Encoder encoder) {
        this.encoder = encoder;
    }

    int size() {
        return byEquality.size();
    }

    void clear() {
        byIdentity.clear();
        byEquality.clear();
        last = null;
        lastPlan = null;
        depth = 0;
    }

    /** The plan of a schema; null for none. */
    Plan plan(Schema schema) {
        if (schema == last) {
            return lastPlan;
        }
        Plan plan = schema == null ? null : find(schema);
        if (schema == null || schema instanceof ConnectSchema) {
            last = schema;
            lastPlan = plan;
        }
        return plan;
    }

    private Plan find(Schema schema) {
        Plan known = byIdentity.get(schema);
        if (known != null) {
            return known;
        }
        // A builder is a schema too, but one that changes and has no equality: what it builds now is what counts.
        Schema fixed = schema instanceof ConnectSchema ? schema : schema.schema();
        Plan plan = byEquality.get(fixed);
        if (plan == null) {
            plan = define(fixed);
        }
        if (schema == fixed) {
            if (byIdentity.size() >= Item.DICTIONARY_LIMIT) {
                byIdentity.clear();
            }
            byIdentity.put(schema, plan);
        }
        return plan;
    }

    private Plan define(Schema schema) {
        if (++depth > MAX_DEPTH) {
            depth = 0;
            throw new DataException("schema " + schema.name() + " is nested too deeply, or contains itself");
        }
        Plan[] nested = switch (schema.type()) {
            case STRUCT -> plans(schema.fields());
            case ARRAY -> new Plan[] {find(schema.valueSchema())};
            case MAP -> new Plan[] {find(schema.keySchema()), find(schema.valueSchema())};
            default -> null;
        };
        depth--;
        Plan plan = new Plan(schema, byEquality.size() + 1, nested);
        byEquality.put(schema, plan);
        encoder.define(plan);
        return plan;
    }

    private Plan[] plans(List<Field> fields) {
        Plan[] plans = new Plan[fields.size()];
        for (int i = 0; i < plans.length; i++) {
            plans[i] = find(fields.get(i).schema());
        }
        return plans;
    }
}
