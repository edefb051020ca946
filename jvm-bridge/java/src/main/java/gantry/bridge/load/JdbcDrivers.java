package gantry.bridge.load;

import java.sql.Driver;
import java.util.Iterator;
import java.util.ServiceLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a location's JDBC drivers known. {@link java.sql.DriverManager} looks for drivers once in the life of the JVM,
 * with the class loader of whoever asks first, and gives a plugin only drivers that its own loader sees: those of the
 * second location would never be found.
 */
final class JdbcDrivers {
    private static final Logger LOG = LoggerFactory.getLogger(JdbcDrivers.class);

    private JdbcDrivers() {
    }

    /** A driver registers itself when its class is loaded. */
    static void register(ClassLoader loader) {
        Iterator<Driver> drivers = ServiceLoader.load(Driver.class, loader).iterator();
        try {
            while (drivers.hasNext()) {
                LOG.debug("Registered java.sql.Driver {}", drivers.next());
            }
        } catch (Exception | LinkageError | java.util.ServiceConfigurationError e) {
            // Resources name drivers that are not there: whoever wants one is told by DriverManager.
            LOG.debug("Ignoring java.sql.Driver classes that cannot be loaded", e);
        }
    }
}
