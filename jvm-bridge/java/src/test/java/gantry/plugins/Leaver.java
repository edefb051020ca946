package gantry.plugins;

import java.util.function.IntConsumer;

/** Wants to end the process, in all the ways that it can be written. */
public class Leaver implements IntConsumer {
    @Override
    public void accept(int way) {
        switch (way) {
            case 1 -> System.exit(1);
            case 2 -> Runtime.getRuntime().exit(2);
            case 3 -> Runtime.getRuntime().halt(3);
            case 4 -> leave(System::exit, 4);
            case 5 -> leave(Runtime.getRuntime()::halt, 5);
            default -> throw new IllegalArgumentException();
        }
    }

    private static void leave(IntConsumer exit, int status) {
        exit.accept(status);
    }
}
