package bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;

/** The same polls and puts in plain Java, without a runtime: what the connectors themselves cost. {@code KIND BATCH RECORDS} */
public final class Loop {
    private static final int WARM = 2_000;

    private Loop() {
    }

    public static void main(String[] args) throws InterruptedException {
        int batch = Integer.parseInt(args[1]);
        long records = Long.parseLong(args[2]);
        Map<String, String> properties = Map.of("topic", "t", "kind", args[0], "batch", args[1]);
        Generator.GeneratorTask source = new Generator.GeneratorTask();
        source.start(properties);
        Counter.CounterTask sink = new Counter.CounterTask();
        sink.start(Map.of());
        List<SinkRecord> sunk = new ArrayList<>();
        for (SourceRecord record : source.poll()) {
            sunk.add(new SinkRecord(record.topic(), 0, null, null, record.valueSchema(), record.value(), sunk.size()));
        }
        poll(source, WARM);
        put(sink, sunk, WARM);
        long rounds = records / batch;
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long begin = threads.getCurrentThreadCpuTime();
        poll(source, rounds);
        long between = threads.getCurrentThreadCpuTime();
        put(sink, sunk, rounds);
        long end = threads.getCurrentThreadCpuTime();
        double all = rounds * (double) batch;
        System.out.printf("{\"source_ns\": %.3f, \"sink_ns\": %.3f}%n", (between - begin) / all, (end - between) / all);
    }

    private static void poll(Generator.GeneratorTask source, long rounds) throws InterruptedException {
        long seen = 0;
        for (long i = 0; i < rounds; i++) {
            seen += source.poll().size();
        }
        if (seen == 0) {
            throw new IllegalStateException("nothing polled");
        }
    }

    private static void put(Counter.CounterTask sink, List<SinkRecord> records, long rounds) {
        for (long i = 0; i < rounds; i++) {
            sink.put(records);
        }
    }
}
