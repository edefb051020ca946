package gantry.bridge.host;

import gantry.bridge.codec.Decoder;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.header.Headers;

/** Bytes that may be null, and headers whose values are such bytes, as converters see them. */
final class WireHeaders {
    private WireHeaders() {
    }

    static RecordHeaders read(Decoder decoder) {
        RecordHeaders wire = new RecordHeaders();
        ConnectHeaders headers = decoder.headers();
        if (headers != null) {
            for (Header header : headers) {
                wire.add(header.key(), bytes(header));
            }
        }
        return wire;
    }

    private static byte[] bytes(Header header) {
        Object value = header.value();
        if (value == null || value instanceof byte[]) {
            return (byte[]) value;
        }
        throw new DataException("header " + header.key() + " is not in bytes but a " + value.getClass().getName());
    }

    static Headers toConnect(RecordHeaders wire) {
        ConnectHeaders headers = new ConnectHeaders();
        for (org.apache.kafka.common.header.Header header : wire) {
            headers.add(header.key(), header.value(), null);
        }
        return headers;
    }

    static byte[] nullable(Input in) {
        return in.bool() ? null : in.bytes();
    }

    static void nullable(byte[] bytes, Output out) {
        out.bool(bytes == null);
        if (bytes != null) {
            out.bytes(bytes);
        }
    }
}
