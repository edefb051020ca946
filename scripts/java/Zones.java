// Writes the time zones that a date pattern's letter z can name, as the JDK that runs this knows
// them in the locale en_US:
//
//   java -Duser.language=en -Duser.country=US scripts/java/Zones.java \
//     > kafka-compat/transforms/src/simple_date_format/zones.txt
//
// One line a zone, in the order in which names are looked for; zones that no name can reach are
// left out. Fields: id, long and short name of standard time, long and short name of daylight
// time, offset and daylight saving in force now (seconds), states (offset/saving in seconds), and
// the changes between them: seconds since the change before (the first: since 1900) in base 36,
// and the new state as a capital letter. Changes are listed up to 2065, so that the years from
// 2038 on hold every kind of year of the rules in force for good.

import java.nio.charset.StandardCharsets;
import java.io.PrintStream;
import java.text.DateFormatSymbols;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.GregorianCalendar;
import java.util.List;
import java.util.Locale;
import java.util.TimeZone;

public class Zones {
    private static final long BEGIN_MS = -2208988800000L;
    private static final long END_MS = 3029529600000L;
    private static final long STEP_MS = 7L * 24 * 60 * 60 * 1000;

    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        out.println("# Made by scripts/java/Zones.java with Java " + Runtime.version());
        List<String> known = new ArrayList<>();
        for (String[] row : DateFormatSymbols.getInstance(Locale.US).getZoneStrings()) {
            boolean reachable = false;
            for (int name = 1; name <= 4; name++) {
                String lower = row[name].toLowerCase(Locale.ROOT);
                if (!lower.isEmpty() && known.stream().noneMatch(lower::startsWith)) {
                    reachable = true;
                    known.add(lower);
                }
            }
            if (reachable) {
                out.println(line(row));
            }
        }
    }

    private static String line(String[] row) {
        TimeZone zone = TimeZone.getTimeZone(row[0]);
        GregorianCalendar calendar = new GregorianCalendar(zone);
        List<String> states = new ArrayList<>();
        StringBuilder changes = new StringBuilder();
        String state = state(calendar, BEGIN_MS);
        states.add(state);
        long last = BEGIN_MS;
        long at = BEGIN_MS;
        while (at < END_MS) {
            long next = Math.min(at + STEP_MS, END_MS);
            if (state(calendar, next).equals(state)) {
                at = next;
                continue;
            }
            long before = at;
            long after = next;
            while (after - before > 1) {
                long middle = (before + after) / 2;
                if (state(calendar, middle).equals(state)) {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            state = state(calendar, after);
            if (!states.contains(state)) {
                states.add(state);
            }
            changes.append(Long.toString((after - last) / 1000, 36));
            changes.append((char) ('A' + states.indexOf(state)));
            last = after;
            at = after;
        }
        return String.join("|", row[0], row[1], row[2], row[3], row[4],
            Integer.toString(zone.getRawOffset() / 1000), Integer.toString(zone.getDSTSavings() / 1000),
            String.join(",", states), changes);
    }

    private static String state(GregorianCalendar calendar, long at) {
        calendar.setTimeInMillis(at);
        return calendar.get(Calendar.ZONE_OFFSET) / 1000 + "/" + calendar.get(Calendar.DST_OFFSET) / 1000;
    }
}
