// The Java side of the benchmark of converters: `java ConverterBench.java <data.json> <way> [registry]`. Ways: reused (GenericDatumWriter and
// -Reader with one encoder, one decoder, one record, nothing copied), fresh (the same as Confluent's serializer does it: an encoder, a decoder, a
// record and bytes of its own for each, magic byte and id in front), or the class of a Kafka Connect converter, which asks that registry.
// Prints a line when it is ready, then answers each line of the standard input with one of JSON; converter_bench.rs says which there are.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.storage.Converter;

public class ConverterBench {
    static final String TOPIC = "flat";
    static final int PREFIX_BYTES = 5;

    /** One way to encode and decode; payloads have the magic byte and an id in front where `prefix` says so. */
    abstract static class Side {
        int prefix = PREFIX_BYTES;
        Object[] data;

        /** Encodes a record. Null where the bytes stay in a buffer. */
        abstract byte[] encode(Object datum) throws IOException;

        abstract Object decode(byte[] payload) throws IOException;

        byte[] bytes(Object datum) throws IOException {
            return encode(datum);
        }
    }

    static class Reused extends Side {
        final GenericDatumWriter<Object> writer;
        final GenericDatumReader<Object> reader;
        final ByteArrayOutputStream out = new ByteArrayOutputStream(256);
        BinaryEncoder encoder;
        BinaryDecoder decoder;
        Object record;

        Reused(Schema schema) {
            writer = new GenericDatumWriter<>(schema);
            reader = new GenericDatumReader<>(schema);
            prefix = 0;
        }

        @Override
        byte[] encode(Object datum) throws IOException {
            out.reset();
            encoder = EncoderFactory.get().binaryEncoder(out, encoder);
            writer.write(datum, encoder);
            encoder.flush();
            return null;
        }

        @Override
        byte[] bytes(Object datum) throws IOException {
            encode(datum);
            return out.toByteArray();
        }

        @Override
        Object decode(byte[] payload) throws IOException {
            decoder = DecoderFactory.get().binaryDecoder(payload, decoder);
            record = reader.read(record, decoder);
            return record;
        }
    }

    static class Fresh extends Side {
        final GenericDatumWriter<Object> writer;
        final GenericDatumReader<Object> reader;

        Fresh(Schema schema) {
            writer = new GenericDatumWriter<>(schema);
            reader = new GenericDatumReader<>(schema);
        }

        @Override
        byte[] encode(Object datum) throws IOException {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(0);
            out.write(ByteBuffer.allocate(4).putInt(1).array());
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            writer.write(datum, encoder);
            encoder.flush();
            return out.toByteArray();
        }

        @Override
        Object decode(byte[] payload) throws IOException {
            ByteBuffer buffer = ByteBuffer.wrap(payload);
            if (buffer.get() != 0 || buffer.getInt() != 1) throw new IOException("not what was written");
            BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(payload, buffer.position(), buffer.remaining(), null);
            return reader.read(null, decoder);
        }
    }

    static class Connect extends Side {
        final Converter converter;
        final org.apache.kafka.connect.data.Schema schema;

        Connect(String name, String registry, org.apache.kafka.connect.data.Schema schema) throws Exception {
            converter = (Converter) Class.forName(name).getDeclaredConstructor().newInstance();
            converter.configure(Map.of("schema.registry.url", registry), false);
            this.schema = schema;
        }

        @Override
        byte[] encode(Object datum) {
            return converter.fromConnectData(TOPIC, schema, datum);
        }

        @Override
        Object decode(byte[] payload) {
            return converter.toConnectData(TOPIC, payload).value();
        }
    }

    static Schema avro(JsonNode fields) {
        StringBuilder json = new StringBuilder("{\"type\":\"record\",\"name\":\"Flat\",\"fields\":[");
        String separator = "";
        for (JsonNode field : fields) {
            String type = field.get("type").toString();
            json.append(separator).append("{\"name\":").append(field.get("name")).append(",\"type\":");
            json.append(field.path("optional").asBoolean() ? "[\"null\"," + type + "],\"default\":null}" : type + "}");
            separator = ",";
        }
        return new Schema.Parser().parse(json.append("]}").toString());
    }

    static org.apache.kafka.connect.data.Schema connect(JsonNode fields) {
        SchemaBuilder built = SchemaBuilder.struct().name("Flat");
        for (JsonNode field : fields) {
            SchemaBuilder type = switch (field.get("type").asText()) {
                case "int" -> SchemaBuilder.int32();
                case "long" -> SchemaBuilder.int64();
                case "double" -> SchemaBuilder.float64();
                case "boolean" -> SchemaBuilder.bool();
                default -> SchemaBuilder.string();
            };
            if (field.path("optional").asBoolean()) type.optional();
            built.field(field.get("name").asText(), type.build());
        }
        return built.build();
    }

    /** A value as a field has it. Texts of Avro are what its reader makes of them. */
    static Object value(JsonNode json, String type, boolean isAvro) {
        if (json.isNull()) return null;
        return switch (type) {
            case "int" -> json.intValue();
            case "long" -> json.longValue();
            case "double" -> json.doubleValue();
            case "boolean" -> json.booleanValue();
            default -> isAvro ? new Utf8(json.textValue()) : json.textValue();
        };
    }

    /** A batch, whose results live until it is done. */
    static int encodeAll(Side side, byte[][] made) throws IOException {
        for (int i = 0; i < side.data.length; i++) made[i] = side.encode(side.data[i]);
        return made.length;
    }

    static int decodeAll(Side side, byte[][] payloads, Object[] made) throws IOException {
        for (int i = 0; i < payloads.length; i++) made[i] = side.decode(payloads[i]);
        return made.length;
    }

    static String run(Side side, boolean encode, byte[][] payloads, double seconds) throws IOException {
        byte[][] encoded = new byte[payloads.length][];
        Object[] decoded = new Object[payloads.length];
        long began = System.nanoTime();
        long records = 0;
        while (System.nanoTime() - began < seconds * 1e9) {
            records += encode ? encodeAll(side, encoded) : decodeAll(side, payloads, decoded);
        }
        return String.format(Locale.ROOT, "{\"records\":%d,\"seconds\":%f}", records, (System.nanoTime() - began) / 1e9);
    }

    static String write(Side side, byte[][] payloads, String path) throws IOException {
        long bytes = 0;
        try (DataOutputStream out = new DataOutputStream(new FileOutputStream(path))) {
            for (byte[] payload : payloads) {
                bytes += payload.length;
                out.writeInt(payload.length - side.prefix);
                out.write(payload, side.prefix, payload.length - side.prefix);
            }
        }
        return "{\"records\":" + payloads.length + ",\"bytes\":" + bytes + "}";
    }

    static String check(Side side, byte[][] payloads, String path) throws IOException {
        try (DataInputStream in = new DataInputStream(new FileInputStream(path))) {
            for (int i = 0; i < payloads.length; i++) {
                int length = in.readInt();
                byte[] payload = Arrays.copyOf(payloads[i], side.prefix + length);
                in.readFully(payload, side.prefix, length);
                Object read = side.decode(payload);
                boolean same = read instanceof GenericRecord ? GenericData.get().compare(read, side.data[i], ((GenericRecord) read).getSchema()) == 0
                    : sameFields((Struct) read, (Struct) side.data[i]);
                if (!same) throw new IOException("record " + i + " is " + read + ", not " + side.data[i]);
            }
            if (in.read() >= 0) throw new IOException("the file has more records");
        }
        return "{\"records\":" + payloads.length + "}";
    }

    /** Schemas differ in version and parameters, which the registry adds. */
    static boolean sameFields(Struct read, Struct own) {
        return own.schema().fields().stream().allMatch(field -> java.util.Objects.equals(own.get(field), read.get(field.name())));
    }

    static Object[] data(JsonNode file, Side side, Schema avro, org.apache.kafka.connect.data.Schema connect) {
        Object[] data = new Object[file.get("records").size()];
        JsonNode fields = file.get("fields");
        for (int i = 0; i < data.length; i++) {
            GenericRecord record = new GenericData.Record(avro);
            Struct struct = new Struct(connect);
            for (int at = 0; at < fields.size(); at++) {
                JsonNode json = file.get("records").get(i).get(at);
                String type = fields.get(at).get("type").asText();
                record.put(at, value(json, type, true));
                struct.put(fields.get(at).get("name").asText(), value(json, type, false));
            }
            data[i] = side instanceof Connect ? struct : record;
        }
        return data;
    }

    public static void main(String[] args) throws Exception {
        JsonNode file = new ObjectMapper().readTree(new File(args[0]));
        Schema avro = avro(file.get("fields"));
        org.apache.kafka.connect.data.Schema connect = connect(file.get("fields"));
        Side side = switch (args[1]) {
            case "reused" -> new Reused(avro);
            case "fresh" -> new Fresh(avro);
            default -> new Connect(args[1], args[2], connect);
        };
        side.data = data(file, side, avro, connect);
        byte[][] payloads = new byte[side.data.length][];
        for (int i = 0; i < payloads.length; i++) payloads[i] = side.bytes(side.data[i]);
        System.out.println("{}");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            System.out.println(switch (words[0]) {
                case "run" -> run(side, words[1].equals("encode"), payloads, Double.parseDouble(words[2]));
                case "write" -> write(side, payloads, words[1]);
                case "check" -> check(side, payloads, words[1]);
                default -> throw new IOException("not understood: " + line);
            });
        }
    }
}
