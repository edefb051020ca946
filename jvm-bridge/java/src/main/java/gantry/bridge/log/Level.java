package gantry.bridge.log;

/** Levels as both sides number them. A logger writes what is not above its level; 0 is nothing. */
final class Level {
    static final int ERROR = 1;
    static final int WARN = 2;
    static final int INFO = 3;
    static final int DEBUG = 4;
    static final int TRACE = 5;

    private Level() {
    }
}
