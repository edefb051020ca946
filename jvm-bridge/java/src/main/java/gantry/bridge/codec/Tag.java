package gantry.bridge.codec;

/** The byte in front of a value: its Java class. */
final class Tag {
    static final int BYTE = 0;
    static final int SHORT = 1;
    static final int INTEGER = 2;
    static final int LONG = 3;
    static final int FLOAT = 4;
    static final int DOUBLE = 5;
    static final int BOOLEAN = 6;
    static final int STRING = 7;
    static final int BYTES = 8;
    static final int LIST = 9;
    static final int MAP = 10;
    static final int STRUCT = 11;
    static final int DECIMAL = 12;
    static final int DATE = 13;
    static final int BIG_INTEGER = 14;
    static final int HASH_MAP = 15;
    static final int NULL = 255;

    private Tag() {
    }
}
