import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiter;

/** Lets some numbers through for every checkpoint, so that none of the job's troubles comes too late; once open, all. */
final class Gate implements RateLimiter {
    private static final int AT_ONCE = 20;
    /** Jobs run in this virtual machine, so this is how they are told. */
    static volatile boolean open;
    private int left = AT_ONCE;
    private CompletableFuture<Void> waiting = CompletableFuture.completedFuture(null);

    @Override
    public CompletionStage<Void> acquire() {
        if (open || left-- > 0) return CompletableFuture.completedFuture(null);
        waiting = new CompletableFuture<>();
        return waiting;
    }

    @Override
    public void notifyCheckpointComplete(long id) {
        left = AT_ONCE;
        waiting.complete(null);
    }
}
