import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Java clients: what to play, the broker, a folder. "count" counts words until it is killed; "all" plays everything else
 * and then resumes that count. What only the caller can do it asks for with a line, and goes on when one comes back.
 */
public final class Clients {
    static final Duration LONG = Duration.ofSeconds(90);
    private static final BufferedReader answers = new BufferedReader(new InputStreamReader(System.in));
    static String server;
    static String folder;

    public static void main(String[] arguments) {
        server = arguments[1];
        folder = arguments[2];
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> fail(thrown));
        try {
            if (arguments[0].equals("count")) {
                WordCount.countUntilKilled();
            } else {
                Transactions.run();
                Groups.run();
                WordCount.resume();
                System.out.println("all good");
                Runtime.getRuntime().halt(0);
            }
        } catch (Throwable thrown) {
            fail(thrown);
        }
    }

    private static void fail(Throwable thrown) {
        thrown.printStackTrace();
        Runtime.getRuntime().halt(1);
    }

    static void ask(String what) throws Exception {
        System.out.println(what);
        if (answers.readLine() == null) throw new AssertionError("nobody answers: " + what);
    }

    static void check(boolean good, Object what) {
        if (!good) throw new AssertionError(what);
    }

    static void until(Object what, BooleanSupplier good) throws InterruptedException {
        long end = System.nanoTime() + LONG.toNanos();
        while (!good.getAsBoolean()) {
            check(System.nanoTime() < end, "never happened: " + what);
            Thread.sleep(5);
        }
    }

    static Map<String, Object> config(Object... more) {
        Map<String, Object> config = new java.util.HashMap<>(Map.of("bootstrap.servers", server));
        for (int at = 0; at < more.length; at += 2) config.put((String) more[at], more[at + 1]);
        return config;
    }

    static KafkaProducer<String, String> producer(Object... more) {
        return new KafkaProducer<>(config(more), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... more) {
        return new KafkaConsumer<>(config(more), new StringDeserializer(), new StringDeserializer());
    }

    static void create(int partitions, String... topics) throws Exception {
        try (Admin admin = Admin.create(config())) {
            List<NewTopic> all = java.util.Arrays.stream(topics).map(name -> new NewTopic(name, partitions, (short) 1)).toList();
            admin.createTopics(all).all().get();
        }
    }

    /** Everything that the partitions of a topic show, each in its order. */
    static List<List<ConsumerRecord<String, String>>> read(String topic, String isolation) {
        List<List<ConsumerRecord<String, String>>> all = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer("isolation.level", isolation, "enable.auto.commit", "false")) {
            int count = consumer.partitionsFor(topic).size();
            List<TopicPartition> partitions = IntStream.range(0, count).mapToObj(n -> new TopicPartition(topic, n)).toList();
            partitions.forEach(ignored -> all.add(new ArrayList<>()));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long end = System.nanoTime() + LONG.toNanos();
            while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
                check(System.nanoTime() < end, topic + " has no end");
                consumer.poll(Duration.ofMillis(100)).forEach(record -> all.get(record.partition()).add(record));
            }
        }
        return all;
    }

    static List<String> values(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).toList();
    }
}
