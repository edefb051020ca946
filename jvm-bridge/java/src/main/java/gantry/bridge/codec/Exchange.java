package gantry.bridge.codec;

/** One channel's request and reply, and what both directions remember from one call to the next. */
public final class Exchange {
    private static final int INITIAL = 64 * 1024;

    private final Input in = new Input();
    private final Output out = new Output(INITIAL);
    private final Decoder decoder = new Decoder(in);
    private final Encoder encoder = new Encoder(out);

    /** The request, outside of items. */
    public Input in() {
        return in;
    }

    /** The reply, outside of items. */
    public Output out() {
        return out;
    }

    /** The items of the request. */
    public Decoder decoder() {
        return decoder;
    }

    /** The items of the reply. */
    public Encoder encoder() {
        return encoder;
    }

    public void begin(byte[] request, int length) {
        in.reset(request, length);
        out.clear();
    }

    /** After a failure nobody knows how much the other side took in, so both begin anew. */
    public void fail() {
        decoder.clear();
        encoder.clear();
        out.clear();
    }
}
