// Writes the blocks of Unicode that \p{In…} can name in a Java pattern:
//
//   java --add-opens java.base/java.lang=ALL-UNNAMED scripts/java/Blocks.java \
//     > kafka-compat/model/src/regex/blocks.txt
//
// One line a block: first and last code point in hexadecimal, then all names it answers to.

import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.io.PrintStream;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

public class Blocks {
    public static void main(String[] args) throws Exception {
        Field field = Character.UnicodeBlock.class.getDeclaredField("map");
        field.setAccessible(true);
        Map<?, ?> names = (Map<?, ?>) field.get(null);
        Map<Integer, Integer> ends = new TreeMap<>();
        Map<Integer, TreeSet<String>> known = new TreeMap<>();
        int first = 0;
        for (int code = 1; code <= Character.MAX_CODE_POINT + 1; code++) {
            Object block = Character.UnicodeBlock.of(first);
            Object next = code > Character.MAX_CODE_POINT ? null : Character.UnicodeBlock.of(code);
            if (next == block && code <= Character.MAX_CODE_POINT) {
                continue;
            }
            if (block != null) {
                ends.put(first, code - 1);
                TreeSet<String> all = new TreeSet<>();
                for (Map.Entry<?, ?> entry : names.entrySet()) {
                    if (entry.getValue() == block) {
                        all.add((String) entry.getKey());
                    }
                }
                known.put(first, all);
            }
            first = code;
        }
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (Map.Entry<Integer, TreeSet<String>> entry : known.entrySet()) {
            String range = Integer.toHexString(entry.getKey()) + "|" + Integer.toHexString(ends.get(entry.getKey()));
            out.println(range + "|" + String.join("|", entry.getValue()));
        }
    }
}
