package gantry.bridge.clients;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * An interface of Kafka's clients of which only a part is there: what connectors use. Kafka adds methods to these
 * interfaces with each version, so a class that had them all would fit one version only.
 */
final class Partial implements InvocationHandler {
    private final Class<?> face;
    private final Object part;

    private Partial(Class<?> face, Object part) {
        this.face = face;
        this.part = part;
    }

    /** The methods of {@code part} as those of the same name and parameters of {@code face}. */
    static <T> T of(Class<T> face, Object part) {
        Object proxy = Proxy.newProxyInstance(face.getClassLoader(), new Class<?>[] {face}, new Partial(face, part));
        return face.cast(proxy);
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        if (method.getDeclaringClass() == Object.class) {
            return ofObject(proxy, method, arguments);
        }
        Method own;
        try {
            own = part.getClass().getDeclaredMethod(method.getName(), method.getParameterTypes());
        } catch (NoSuchMethodException e) {
            throw new UnsupportedOperationException(face.getSimpleName() + "." + method.getName()
                    + " of a Kafka client that the connector brings is not supported: there is no Kafka broker here,"
                    + " and such clients work on the log", e);
        }
        own.setAccessible(true);
        try {
            return own.invoke(part, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private Object ofObject(Object proxy, Method method, Object[] arguments) {
        return switch (method.getName()) {
            case "equals" -> proxy == arguments[0];
            case "hashCode" -> System.identityHashCode(proxy);
            default -> part.toString();
        };
    }
}
