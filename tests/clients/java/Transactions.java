import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;

/** A transactional producer of the second transaction version, alone and copying. */
final class Transactions {
    private static final int PARTITIONS = 2;

    static void run() throws Exception {
        Clients.create(PARTITIONS, "java-in", "java-out", "java-plain", "java-plain-copy");
        endEachWay();
        fence();
        copy();
        copyWithKafkasCopier();
    }

    private static List<String> numbered(String what, int count) {
        return IntStream.range(0, count).mapToObj(n -> what + " " + n).toList();
    }

    private static void send(KafkaProducer<String, String> producer, List<String> values) {
        for (int n = 0; n < values.size(); n++) {
            producer.send(new ProducerRecord<>("java-in", n % PARTITIONS, "key", values.get(n)));
        }
    }

    private static TransactionDescription described(String id) throws Exception {
        try (Admin admin = Admin.create(Clients.config())) {
            return admin.describeTransactions(List.of(id)).description(id).get();
        }
    }

    private static void endEachWay() throws Exception {
        try (KafkaProducer<String, String> producer = Clients.producer("transactional.id", "java")) {
            producer.initTransactions();
            producer.beginTransaction();
            send(producer, numbered("kept", 20));
            producer.flush();
            TransactionDescription first = described("java");
            Clients.check(first.state() == TransactionState.ONGOING && first.topicPartitions().size() == PARTITIONS, first);
            producer.commitTransaction();
            producer.beginTransaction();
            send(producer, numbered("dropped", 20));
            producer.flush();
            TransactionDescription second = described("java");
            // Every end of a transaction is a new epoch: what was sent late for the first cannot reach the second.
            Clients.check(second.producerEpoch() == first.producerEpoch() + 1, first + " " + second);
            producer.abortTransaction();
            // Neither an empty transaction nor one after an abort is anything special.
            producer.beginTransaction();
            producer.commitTransaction();
            producer.beginTransaction();
            producer.abortTransaction();
            producer.beginTransaction();
            send(producer, numbered("also kept", 20));
            producer.commitTransaction();
        }
        Clients.check(count("java-in", "read_uncommitted") == 60, "records are missing");
        Clients.check(count("java-in", "read_committed") == 40, "not exactly the committed records are shown");
        Clients.check(shown("java-in").stream().noneMatch(value -> value.startsWith("dropped")), "an aborted record");
    }

    private static List<String> shown(String topic) {
        return Clients.read(topic, "read_committed").stream().flatMap(List::stream).map(ConsumerRecord::value).toList();
    }

    private static int count(String topic, String isolation) {
        return Clients.read(topic, isolation).stream().mapToInt(List::size).sum();
    }

    private static void fence() {
        try (KafkaProducer<String, String> old = Clients.producer("transactional.id", "fenced");
             KafkaProducer<String, String> successor = Clients.producer("transactional.id", "fenced")) {
            old.initTransactions();
            old.beginTransaction();
            send(old, numbered("fenced", 4));
            old.flush();
            successor.initTransactions();
            try {
                old.commitTransaction();
                throw new AssertionError("a fenced producer committed");
            } catch (ProducerFencedException | InvalidProducerEpochException expected) {
                // Either says that another has taken over.
            }
            successor.beginTransaction();
            send(successor, numbered("after fencing", 4));
            successor.commitTransaction();
        }
        Clients.check(count("java-in", "read_committed") == 44, "fencing lost or let in something");
    }

    /** Reads, transforms and writes with the offsets in the transaction; every third one is aborted and done again. */
    private static void copy() {
        int wanted = count("java-in", "read_committed");
        try (KafkaConsumer<String, String> consumer = Clients.consumer("group.id", "java-copier", "group.protocol", "consumer",
                 "isolation.level", "read_committed", "auto.offset.reset", "earliest", "enable.auto.commit", "false",
                 "max.poll.records", "5");
             KafkaProducer<String, String> producer = Clients.producer("transactional.id", "java-copier")) {
            producer.initTransactions();
            consumer.subscribe(List.of("java-in"));
            for (int copied = 0, round = 0; copied < wanted; ) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                if (records.isEmpty()) continue;
                producer.beginTransaction();
                records.forEach(each ->
                    producer.send(new ProducerRecord<>("java-out", each.partition(), each.key(), "copy of " + each.value())));
                producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
                if (++round % 3 == 2) {
                    producer.abortTransaction();
                    Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
                    committed.forEach((partition, offset) -> {
                        if (offset == null) consumer.seekToBeginning(List.of(partition));
                        else consumer.seek(partition, offset);
                    });
                } else {
                    producer.commitTransaction();
                    copied += records.count();
                }
            }
        }
        for (int partition = 0; partition < PARTITIONS; partition++) {
            List<String> copies = new ArrayList<>();
            Clients.values(Clients.read("java-in", "read_committed").get(partition)).forEach(each -> copies.add("copy of " + each));
            Clients.check(Clients.values(Clients.read("java-out", "read_committed").get(partition)).equals(copies), copies);
        }
    }

    /** The copier that Kafka's own system tests use, with its random aborts. */
    private static void copyWithKafkasCopier() {
        // It counts offsets, and so must not find markers among them.
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            numbered("plain", 100).forEach(each -> producer.send(new ProducerRecord<>("java-plain", each)));
        }
        String[] arguments = {"--broker-list", Clients.server, "--input-topic", "java-plain", "--input-partition", "0",
            "--output-topic", "java-plain-copy", "--consumer-group", "kafkas-copier", "--transactional-id", "kafkas-copier",
            "--group-mode", "--use-group-metadata", "--enable-random-aborts", "--transaction-size", "10"};
        Integer[] status = {null};
        org.apache.kafka.common.utils.Exit.setExitProcedure((code, message) -> {
            if (status[0] == null) status[0] = code;
        });
        org.apache.kafka.common.utils.Exit.setShutdownHookAdder((name, hook) -> { });
        org.apache.kafka.tools.TransactionalMessageCopier.main(arguments);
        org.apache.kafka.common.utils.Exit.resetExitProcedure();
        Clients.check(Integer.valueOf(0).equals(status[0]), "the copier failed: " + status[0]);
        List<String> source = new ArrayList<>(shown("java-plain"));
        List<String> copy = new ArrayList<>(shown("java-plain-copy"));
        java.util.Collections.sort(source);
        java.util.Collections.sort(copy);
        Clients.check(source.equals(copy), source + " became " + copy);
    }
}
