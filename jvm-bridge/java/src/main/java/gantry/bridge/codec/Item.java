package gantry.bridge.codec;

/** The byte in front of an item of a stream of items. */
public final class Item {
    public static final int END = 0;
    public static final int SCHEMA = 1;
    public static final int TEXT = 2;
    public static final int PARTITION = 3;
    public static final int RESET = 4;
    public static final int SOURCE_RECORD = 10;
    public static final int SINK_RECORD = 11;
    public static final int CONNECT_RECORD = 12;
    public static final int DATUM = 13;

    /** So many entries make a dictionary be emptied in front of the next item. */
    static final int DICTIONARY_LIMIT = 1000;

    /** Stands for a timestamp that is not there. */
    static final long NO_TIMESTAMP = Long.MIN_VALUE;

    private Item() {
    }
}
