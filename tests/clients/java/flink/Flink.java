import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Flink's exactly-once sink: jobs that fail, are stopped and resumed, and lose their broker write every number once.
 * Arguments: the broker, a folder. What only the caller can do it asks for with a line, and goes on when one comes back.
 */
public final class Flink {
    /** More than the gate lets through before it opens. */
    private static final int NUMBERS = 20_000;
    private static final int PARALLELISM = 2;
    private static final long PATIENCE_S = 90;
    private static final BufferedReader answers = new BufferedReader(new InputStreamReader(System.in));
    private static String server;
    private static Path folder;

    public static void main(String[] arguments) {
        server = arguments[0];
        folder = Path.of(arguments[1]);
        try {
            generate();
            copy();
            System.out.println("all good");
            Runtime.getRuntime().halt(0);
        } catch (Throwable thrown) {
            thrown.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void generate() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server))) {
            admin.createTopics(List.of(new NewTopic("numbers", PARALLELISM, (short) 1), new NewTopic("copies", PARALLELISM, (short) 1)))
                .all().get();
        }
        JobClient job = numbers(null);
        fail(Trouble.inTransaction, 2);
        fail(Trouble.beforeCommit, 2);
        afterCheckpoints(2);
        String savepoint = stop(job);
        job = numbers(savepoint);
        afterCheckpoints(1);
        System.out.println("kill the broker");
        if (answers.readLine() == null) throw new AssertionError("nobody answers");
        afterCheckpoints(1);
        fail(Trouble.beforeCommit, 1);
        Gate.open = true;
        job.getJobExecutionResult().get(PATIENCE_S, TimeUnit.SECONDS);
        check("numbers");
    }

    /** From topic to topic, with the connector's other way to name transactions: it asks the broker which are open. */
    private static void copy() throws Exception {
        StreamExecutionEnvironment environment = environment(null);
        KafkaSource<String> source = KafkaSource.<String>builder().setBootstrapServers(server).setTopics("numbers")
            .setGroupId("copier").setStartingOffsets(OffsetsInitializer.earliest()).setValueOnlyDeserializer(new SimpleStringSchema())
            .setProperty("isolation.level", "read_committed").build();
        DataStream<String> numbers = environment.fromSource(source, WatermarkStrategy.noWatermarks(), "source");
        numbers.map(new Trouble<>()).sinkTo(sink("copies", TransactionNamingStrategy.POOLING));
        Trouble.inTransaction.set(1);
        Trouble.beforeCommit.set(1);
        JobClient job = environment.executeAsync("copies");
        until("failures", () -> Trouble.inTransaction.get() == 0 && Trouble.beforeCommit.get() == 0);
        until("copies", () -> read("copies").size() >= NUMBERS);
        // The last failure may have come after the last number, and Flink refuses to stop tasks that are not running yet.
        afterCheckpoints(2);
        stop(job);
        check("copies");
    }

    private static StreamExecutionEnvironment environment(String savepoint) {
        Map<String, String> settings = new HashMap<>(Map.of(
            "restart-strategy.type", "fixed-delay", "restart-strategy.fixed-delay.attempts", "1000",
            "restart-strategy.fixed-delay.delay", "20 ms", "execution.checkpointing.interval", "100 ms",
            "execution.checkpointing.tolerable-failed-checkpoints", "1000",
            "execution.checkpointing.dir", folder.resolve("checkpoints").toUri().toString(),
            "taskmanager.memory.network.min", "16m", "taskmanager.memory.network.max", "16m",
            "taskmanager.memory.managed.size", "8m"));
        if (savepoint != null) settings.put("execution.state-recovery.path", savepoint);
        return StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, Configuration.fromMap(settings));
    }

    private static JobClient numbers(String savepoint) throws Exception {
        StreamExecutionEnvironment environment = environment(savepoint);
        DataGeneratorSource<Long> source = new DataGeneratorSource<>(number -> number, NUMBERS, parallelism -> new Gate(), Types.LONG);
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "numbers").uid("source").map(new Trouble<>()).uid("trouble")
            .sinkTo(sink("numbers", TransactionNamingStrategy.INCREMENTING)).uid("sink");
        return environment.executeAsync("numbers");
    }

    private static KafkaSink<String> sink(String topic, TransactionNamingStrategy naming) {
        Properties properties = new Properties();
        properties.put("transaction.timeout.ms", "60000");
        return KafkaSink.<String>builder().setBootstrapServers(server).setKafkaProducerConfig(properties)
            .setRecordSerializer(KafkaRecordSerializationSchema.builder().setTopic(topic)
                .setValueSerializationSchema(new SimpleStringSchema()).build())
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE).setTransactionalIdPrefix("to-" + topic)
            .setTransactionNamingStrategy(naming).build();
    }

    private static String stop(JobClient job) throws Exception {
        String savepoints = folder.resolve("savepoints").toUri().toString();
        return job.stopWithSavepoint(false, savepoints, SavepointFormatType.CANONICAL).get(PATIENCE_S, TimeUnit.SECONDS);
    }

    private static void fail(AtomicInteger how, int often) throws Exception {
        how.set(often);
        until("failures", () -> how.get() == 0);
    }

    private static void afterCheckpoints(int more) throws Exception {
        int wanted = Trouble.checkpoints.get() + more * PARALLELISM;
        until("checkpoints", () -> Trouble.checkpoints.get() >= wanted);
    }

    private static void until(String what, BooleanSupplier good) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!good.getAsBoolean()) {
            if (System.nanoTime() > end) throw new AssertionError("never came: " + what);
            Thread.sleep(5);
        }
    }

    private static void check(String topic) {
        List<Integer> found = read(topic);
        List<Integer> missing = new ArrayList<>(IntStream.range(0, NUMBERS).boxed().toList());
        missing.removeAll(new HashSet<>(found));
        boolean exact = missing.isEmpty() && found.size() == NUMBERS;
        if (!exact) throw new AssertionError(topic + ": " + found.size() + " numbers, missing " + missing.stream().limit(9).toList());
        System.out.println(topic + " are exact after " + Trouble.checkpoints + " checkpoints");
    }

    /** What those who read committed records see now. */
    private static List<Integer> read(String topic) {
        List<Integer> found = new ArrayList<>();
        Map<String, Object> config = Map.of("bootstrap.servers", server, "isolation.level", "read_committed");
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = IntStream.range(0, PARALLELISM).mapToObj(n -> new TopicPartition(topic, n)).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
                if (System.nanoTime() > end) throw new AssertionError(topic + " has no end");
                consumer.poll(Duration.ofMillis(100)).forEach(record -> found.add(Integer.valueOf(record.value())));
            }
        }
        return found;
    }
}
