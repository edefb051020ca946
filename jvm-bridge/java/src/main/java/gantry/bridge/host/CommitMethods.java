package gantry.bridge.host;

import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Which of the methods about commits a source's task has of its own: calling the others would be a waste. */
final class CommitMethods {
    static final int NONE = 0;
    static final int RECORD = 1;
    static final int COMMIT = 2;
    static final int ALL = RECORD | COMMIT;

    private CommitMethods() {
    }

    static int of(Class<?> task) {
        if (!SourceTask.class.isAssignableFrom(task)) {
            return NONE;
        }
        try {
            boolean record = isOwn(task, "commitRecord", SourceRecord.class)
                    || isOwn(task, "commitRecord", SourceRecord.class, RecordMetadata.class);
            return (record ? RECORD : NONE) | (isOwn(task, "commit") ? COMMIT : NONE);
        } catch (NoSuchMethodException | LinkageError e) {
            // Looking at methods may need classes that a plugin does not bring; then it may well have them.
            return ALL;
        }
    }

    private static boolean isOwn(Class<?> task, String name, Class<?>... parameters) throws NoSuchMethodException {
        return task.getMethod(name, parameters).getDeclaringClass() != SourceTask.class;
    }
}
