package gantry.bridge.log;

import gantry.bridge.codec.Input;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * All loggers and their levels. A logger keeps its own level in a field, so that asking for it costs one read; names
 * inherit along their dots only when a logger is made or the levels change.
 */
public final class Levels {
    private static final String ROOT = "";

    private static final Map<String, BridgeLogger> LOGGERS = new ConcurrentHashMap<>();
    private static Map<String, Integer> levels = Map.of(ROOT, Level.INFO);

    private Levels() {
    }

    static BridgeLogger logger(String name) {
        BridgeLogger known = LOGGERS.get(name);
        return known != null ? known : create(name);
    }

    private static synchronized BridgeLogger create(String name) {
        return LOGGERS.computeIfAbsent(name, key -> new BridgeLogger(key, level(key)));
    }

    /** The whole table anew, from the other side. */
    public static void replace(Input request) {
        int count = request.v();
        Map<String, Integer> table = new HashMap<>();
        for (int i = 0; i < count; i++) {
            String name = request.str();
            table.put(name, request.u8());
        }
        replace(table);
    }

    private static synchronized void replace(Map<String, Integer> table) {
        table.putIfAbsent(ROOT, Level.INFO);
        levels = table;
        LOGGERS.values().forEach(logger -> logger.level(level(logger.getName())));
        JulHandler.levels(table);
    }

    /** The level of the nearest name above. */
    private static int level(String name) {
        String at = name;
        while (true) {
            Integer level = levels.get(at);
            if (level != null) {
                return level;
            }
            int dot = at.lastIndexOf('.');
            at = dot < 0 ? ROOT : at.substring(0, dot);
        }
    }
}
