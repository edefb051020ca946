package bad;

/** One line by each way to log. */
final class Loggers {
    private Loggers() {}

    static void all(long number) {
        org.slf4j.LoggerFactory.getLogger("bad.by.slf4j").warn("line {} by slf4j", number, new IllegalStateException("logged by slf4j"));
        attempt("log4j 1", () -> org.apache.log4j.Logger.getLogger("bad.by.log4j1").warn("line " + number + " by log4j 1"));
        attempt("log4j 2", () -> org.apache.logging.log4j.LogManager.getLogger("bad.by.log4j2").warn("line {} by log4j 2", number));
        java.util.logging.Logger.getLogger("bad.by.jul").log(java.util.logging.Level.WARNING, "line {0} by java.util.logging", number);
        System.out.println("line " + number + " by System.out");
        System.err.println("line " + number + " by System.err");
        Thread other = new Thread(() -> org.slf4j.LoggerFactory.getLogger("bad.by.thread").info("line {} by a thread", number), "bad-thread");
        other.start();
    }

    private static void attempt(String way, Runnable log) {
        try {
            log.run();
        } catch (LinkageError error) {
            org.slf4j.LoggerFactory.getLogger("bad.by.nobody").error("there is no {}: {}", way, error.toString());
        }
    }
}
