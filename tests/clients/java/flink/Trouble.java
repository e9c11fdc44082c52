import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.CheckpointListener;

/** Passes numbers on, and fails where it is told to. */
final class Trouble<T> implements MapFunction<T, String>, CheckpointListener {
    /** How often it is still to fail with records behind it that no checkpoint knows of. */
    static final AtomicInteger inTransaction = new AtomicInteger();
    /** How often it is still to fail when a checkpoint is complete and the transactions that it knows of are to be committed. */
    static final AtomicInteger beforeCommit = new AtomicInteger();
    static final AtomicInteger checkpoints = new AtomicInteger();
    private int seen;

    @Override
    public String map(T number) throws Exception {
        seen++;
        if (seen >= 10 && takeOne(inTransaction)) throw new Exception("told to fail in a transaction");
        return String.valueOf(number);
    }

    @Override
    public void notifyCheckpointComplete(long id) throws Exception {
        boolean hasTransaction = seen > 0;
        seen = 0;
        checkpoints.incrementAndGet();
        if (hasTransaction && takeOne(beforeCommit)) throw new Exception("told to fail before the commit");
    }

    private static boolean takeOne(AtomicInteger from) {
        boolean taken = from.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
        if (taken) System.out.println("failing");
        return taken;
    }
}
