import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command line tools one after the other in one virtual machine.
 *
 * Each line of the input is a command: the input given to it, the script's name without its ending, the arguments,
 * parted by tabs; in them \n, \t and \\ stand for a line's end, a tab and a backslash. The answer is a line with the exit
 * status and the number of bytes of output and of error output, and then these bytes.
 *
 * Two more commands: `begin-transaction ADDRESS ID TOPIC VALUE...` leaves a transaction open, `commit-transaction ID` ends
 * it, by the same producer, which finds out by itself that its broker was replaced.
 */
public final class Tools {
    private static final Map<String, String> CLASSES = Map.ofEntries(
        Map.entry("kafka-acls", "org.apache.kafka.tools.AclCommand"),
        Map.entry("kafka-broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand"),
        Map.entry("kafka-client-metrics", "org.apache.kafka.tools.ClientMetricsCommand"),
        Map.entry("kafka-cluster", "org.apache.kafka.tools.ClusterTool"),
        Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
        Map.entry("kafka-console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
        Map.entry("kafka-console-producer", "org.apache.kafka.tools.ConsoleProducer"),
        Map.entry("kafka-console-share-consumer", "org.apache.kafka.tools.consumer.ConsoleShareConsumer"),
        Map.entry("kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
        Map.entry("kafka-consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance"),
        Map.entry("kafka-delegation-tokens", "org.apache.kafka.tools.DelegationTokenCommand"),
        Map.entry("kafka-delete-records", "org.apache.kafka.tools.DeleteRecordsCommand"),
        Map.entry("kafka-dump-log", "org.apache.kafka.tools.DumpLogSegments"),
        Map.entry("kafka-e2e-latency", "org.apache.kafka.tools.EndToEndLatency"),
        Map.entry("kafka-features", "org.apache.kafka.tools.FeatureCommand"),
        Map.entry("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
        Map.entry("kafka-groups", "org.apache.kafka.tools.GroupsCommand"),
        Map.entry("kafka-leader-election", "org.apache.kafka.tools.LeaderElectionCommand"),
        Map.entry("kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
        Map.entry("kafka-metadata-quorum", "org.apache.kafka.tools.MetadataQuorumCommand"),
        Map.entry("kafka-metadata-shell", "org.apache.kafka.shell.MetadataShell"),
        Map.entry("kafka-producer-perf-test", "org.apache.kafka.tools.ProducerPerformance"),
        Map.entry("kafka-reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"),
        Map.entry("kafka-replica-verification", "org.apache.kafka.tools.ReplicaVerificationTool"),
        Map.entry("kafka-share-groups", "org.apache.kafka.tools.consumer.group.ShareGroupCommand"),
        Map.entry("kafka-storage", "kafka.tools.StorageTool"),
        Map.entry("kafka-streams-application-reset", "org.apache.kafka.tools.StreamsResetter"),
        Map.entry("kafka-streams-groups", "org.apache.kafka.tools.streams.StreamsGroupCommand"),
        Map.entry("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
        Map.entry("kafka-transactions", "org.apache.kafka.tools.TransactionsCommand"));
    private static final long LIMIT_MS = 60_000;

    /** Stands for the end of the process that the tool asked for. */
    private static final class Exited extends Error {
        Exited() {
            super("exited", null, false, false);
        }
    }

    /** What the tool prints until it asks for the end; what it says afterwards would never have been printed. */
    private static final class Captured extends OutputStream {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        @Override
        public synchronized void write(int one) {
            if (status == null) bytes.write(one);
        }

        @Override
        public synchronized void write(byte[] from, int offset, int length) {
            if (status == null) bytes.write(from, offset, length);
        }

        synchronized byte[] take() {
            byte[] taken = bytes.toByteArray();
            bytes.reset();
            return taken;
        }
    }

    private static volatile Integer status;
    private static final List<Runnable> atExit = new ArrayList<>();

    public static void main(String[] ignored) throws Exception {
        PrintStream answers = System.out;
        Captured out = new Captured();
        Captured err = new Captured();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Exit.Procedure exit = (code, message) -> {
            if (status == null) status = code;
            throw new Exited();
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        Exit.setShutdownHookAdder((name, hook) -> atExit.add(hook));
        for (String line; (line = commands.readLine()) != null; ) {
            // Anew each time: there are tools that close them.
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            String[] words = Arrays.stream(line.split("\t", -1)).map(Tools::unescape).toArray(String[]::new);
            int code = run(words[0], words[1], Arrays.copyOfRange(words, 2, words.length));
            byte[] said = out.take();
            byte[] complained = err.take();
            answers.print(code + " " + said.length + " " + complained.length + "\n");
            answers.write(said);
            answers.write(complained);
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static int run(String input, String tool, String[] arguments) throws InterruptedException {
        status = null;
        atExit.clear();
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        Thread thread = new Thread(() -> call(tool, arguments), tool);
        thread.setDaemon(true);
        thread.start();
        thread.join(LIMIT_MS);
        if (thread.isAlive()) {
            System.err.println(tool + " did not end. It is at:");
            for (StackTraceElement frame : thread.getStackTrace()) System.err.println("    " + frame);
            return 124;
        }
        // Hooks run when the process ends, and the producer sends what it holds in one.
        for (Runnable hook : atExit) hook.run();
        return status == null ? 0 : status;
    }

    private static void call(String tool, String[] arguments) {
        try {
            if (tool.equals("begin-transaction")) {
                begin(arguments);
                return;
            }
            if (tool.equals("commit-transaction")) {
                producers.remove(arguments[0]).commitTransaction();
                return;
            }
            String name = CLASSES.get(tool);
            if (name == null) throw new IllegalArgumentException("no such tool: " + tool);
            Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (Throwable thrown) {
            Throwable cause = thrown instanceof java.lang.reflect.InvocationTargetException ? thrown.getCause() : thrown;
            if (cause instanceof Exited) return;
            System.err.println("Exception in thread \"main\" " + cause);
            if (status == null) status = 1;
        }
    }

    private static final Map<String, KafkaProducer<String, String>> producers = new HashMap<>();

    private static void begin(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", arguments[0],
            "transactional.id", arguments[1],
            "transaction.timeout.ms", 600_000,
            "key.serializer", StringSerializer.class,
            "value.serializer", StringSerializer.class);
        KafkaProducer<String, String> producer = new KafkaProducer<>(settings);
        producers.put(arguments[1], producer);
        producer.initTransactions();
        producer.beginTransaction();
        for (int at = 3; at < arguments.length; at++) {
            producer.send(new ProducerRecord<>(arguments[2], arguments[at])).get();
        }
    }

    private static String unescape(String word) {
        StringBuilder plain = new StringBuilder();
        for (int at = 0; at < word.length(); at++) {
            char letter = word.charAt(at);
            if (letter == '\\') {
                letter = word.charAt(++at);
                letter = letter == 'n' ? '\n' : letter == 't' ? '\t' : letter;
            }
            plain.append(letter);
        }
        return plain.toString();
    }
}
