import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/** Streams counts words exactly once, although it is killed in the midst of it. */
final class WordCount {
    private static final int PARTITIONS = 2;
    private static final int LINES = 400;
    private static final List<String> WORDS = List.of("a", "broker", "counts", "every", "word", "once");
    /** Lines of two words each. */
    private static final int COUNTS = 2 * LINES;

    static void countUntilKilled() throws Exception {
        Clients.create(PARTITIONS, "words", "counts");
        fill(0, LINES / 2);
        KafkaStreams streams = start(() -> { });
        Clients.until("some words counted", () -> shown().stream().mapToInt(List::size).sum() >= COUNTS / 4);
        System.out.println("counting");
        // More than one transaction's worth is still to come when the kill strikes.
        fill(LINES / 2, LINES);
        Thread.sleep(Clients.LONG.toMillis());
        streams.close();
    }

    static void resume() throws Exception {
        // The killed one may have died at any point of its filling.
        int filled = Clients.read("words", "read_uncommitted").stream().mapToInt(List::size).sum();
        fill(filled, LINES);
        AtomicInteger counted = new AtomicInteger();
        try (KafkaStreams streams = start(counted::incrementAndGet)) {
            Clients.until("all words counted", () -> shown().stream().mapToInt(List::size).sum() >= COUNTS);
        }
        Clients.check(counted.get() < COUNTS, "nothing had been counted before the kill");
        Map<String, Long> last = new HashMap<>();
        for (ConsumerRecord<String, String> record : shown().stream().flatMap(List::stream).toList()) {
            long count = Long.parseLong(record.value());
            Long before = last.put(record.key(), count);
            Clients.check(count == (before == null ? 1 : before + 1), record.key() + ": " + count + " after " + before);
        }
        Map<String, Long> wanted = new HashMap<>();
        for (int line = 0; line < LINES; line++) {
            for (String word : line(line).split(" ")) wanted.merge(word, 1L, Long::sum);
        }
        Clients.check(last.equals(wanted), last + ", not " + wanted);
    }

    private static List<List<ConsumerRecord<String, String>>> shown() {
        return Clients.read("counts", "read_committed");
    }

    private static String line(int number) {
        return WORDS.get(number % WORDS.size()) + " " + WORDS.get(number / 7 % WORDS.size());
    }

    /** In order and in one partition after the other, so that what is there tells where to go on. */
    private static void fill(int from, int to) throws Exception {
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            for (int number = from; number < to; number++) {
                producer.send(new ProducerRecord<>("words", number % PARTITIONS, null, line(number))).get();
            }
        }
    }

    private static KafkaStreams start(Runnable onCount) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream("words")
            .flatMapValues(line -> List.of(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.as("by-word"))
            .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("counts"))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
            .toStream()
            .peek((word, count) -> onCount.run())
            .mapValues(String::valueOf)
            .to("counts", Produced.with(Serdes.String(), Serdes.String()));
        Properties config = new Properties();
        config.putAll(Clients.config("application.id", "word-count", "processing.guarantee", "exactly_once_v2",
            "default.key.serde", Serdes.StringSerde.class.getName(), "default.value.serde", Serdes.StringSerde.class.getName(),
            "commit.interval.ms", "100", "statestore.cache.max.bytes", "0", "auto.offset.reset", "earliest",
            "state.dir", Clients.folder, "producer.transaction.timeout.ms", "5000",
            "consumer.session.timeout.ms", "2000", "consumer.heartbeat.interval.ms", "300"));
        KafkaStreams streams = new KafkaStreams(builder.build(), config);
        streams.start();
        return streams;
    }
}
