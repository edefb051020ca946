// What opencsv 4.6 makes of texts that were thrown together, for runtime/connectors/src/spooldir/tests:
//   java -cp opencsv-4.6.jar:commons-lang3.jar scripts/java/OpencsvCases.java > …/tests/opencsv.jsonl

import com.opencsv.CSVParserBuilder;
import com.opencsv.CSVReader;
import com.opencsv.CSVReaderBuilder;
import com.opencsv.ICSVParser;
import com.opencsv.RFC4180ParserBuilder;
import com.opencsv.enums.CSVReaderNullFieldIndicator;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

public class OpencsvCases {
    static final int CASES = 800;
    static final String SIGNS = "\"\"\",,,\\\\\n\n\r  aaabc;'é😀\t";

    public static void main(String[] args) throws Exception {
        Random random = new Random(46);
        int[] points = SIGNS.codePoints().toArray();
        for (int number = 0; number < CASES; number++) {
            StringBuilder text = new StringBuilder();
            for (int left = random.nextInt(24); left > 0; left--) {
                text.appendCodePoint(points[random.nextInt(points.length)]);
            }
            boolean plain = random.nextInt(3) > 0;
            boolean rfc = random.nextInt(3) == 0;
            char separator = plain || random.nextBoolean() ? ',' : ';';
            char quote = plain || random.nextBoolean() ? '"' : '\'';
            char escape = plain || random.nextInt(3) > 0 ? '\\' : '\0';
            boolean strict = !plain && random.nextInt(3) == 0;
            boolean blanks = plain || random.nextBoolean();
            boolean ignores = !plain && random.nextInt(4) == 0;
            var nulls = CSVReaderNullFieldIndicator.values()[random.nextInt(4)];
            ICSVParser parser = rfc
                ? new RFC4180ParserBuilder().withSeparator(separator).withQuoteChar(quote).withFieldAsNull(nulls).build()
                : new CSVParserBuilder().withSeparator(separator).withQuoteChar(quote).withEscapeChar(escape)
                    .withStrictQuotes(strict).withIgnoreLeadingWhiteSpace(blanks).withIgnoreQuotations(ignores)
                    .withFieldAsNull(nulls).build();
            List<String> rows = new ArrayList<>();
            boolean failed = false;
            try (CSVReader reader = new CSVReaderBuilder(new StringReader(text.toString())).withCSVParser(parser).build()) {
                for (String[] row = reader.readNext(); row != null; row = reader.readNext()) {
                    List<String> fields = new ArrayList<>();
                    for (String field : row) {
                        fields.add(field == null ? "null" : json(field));
                    }
                    rows.add("[" + reader.getLinesRead() + "," + String.join(",", fields) + "]");
                }
            } catch (java.io.IOException error) {
                failed = true;
            }
            System.out.printf(
                "{\"text\":%s,\"rfc\":%s,\"separator\":%s,\"quote\":%s,\"escape\":%s,\"strict\":%s,\"blanks\":%s,"
                + "\"ignores\":%s,\"nulls\":\"%s\",\"rows\":[%s],\"fails\":%s}%n",
                json(text.toString()), rfc, json("" + separator), json("" + quote), json("" + escape), strict, blanks,
                ignores, nulls, String.join(",", rows), failed);
        }
    }

    static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
