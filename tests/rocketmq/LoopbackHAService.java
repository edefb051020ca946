import java.io.IOException;
import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.ha.DefaultHAService;

/** The replication listener of a broker has no setting for its address and takes all: this one takes loopback. */
public class LoopbackHAService extends DefaultHAService {
    @Override
    public void init(DefaultMessageStore store) throws IOException {
        super.init(store);
        InetSocketAddress loopback =
            new InetSocketAddress("127.0.0.1", store.getMessageStoreConfig().getHaListenPort());
        try {
            for (Class<?> type = acceptSocketService.getClass(); type != null; type = type.getSuperclass()) {
                for (Field field : type.getDeclaredFields()) {
                    if (field.getName().equals("socketAddressListen")) {
                        field.setAccessible(true);
                        field.set(acceptSocketService, loopback);
                    }
                }
            }
        } catch (ReflectiveOperationException error) {
            throw new IOException(error);
        }
    }
}
