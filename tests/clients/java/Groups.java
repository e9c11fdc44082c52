import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.tools.VerifiableConsumer;

/** The consumer of Kafka's system tests, two of them in a group of either protocol, while the broker is killed. */
final class Groups {
    private static final int PARTITIONS = 4;

    static void run() throws Exception {
        List<Group> groups = List.of(new Group("classic"), new Group("consumer"));
        for (Group group : groups) group.begin();
        for (Group group : groups) group.settle();
        Clients.ask("kill the broker");
        for (Group group : groups) group.goOn();
        for (Group group : groups) group.end();
    }

    private static final class Member extends Thread {
        final Set<TopicPartition> owned = java.util.concurrent.ConcurrentHashMap.newKeySet();
        final ByteArrayOutputStream said = new ByteArrayOutputStream();
        final VerifiableConsumer verifiable;

        Member(String topic, String protocol) {
            KafkaConsumer<String, String> consumer = Clients.consumer("group.id", topic, "group.protocol", protocol,
                "auto.offset.reset", "earliest", "enable.auto.commit", "false");
            Member member = this;
            verifiable = new VerifiableConsumer(consumer, new PrintStream(said, true), topic, -1, false, false, true) {
                @Override
                public void onPartitionsAssigned(java.util.Collection<TopicPartition> partitions) {
                    member.owned.addAll(partitions);
                    super.onPartitionsAssigned(partitions);
                }

                @Override
                public void onPartitionsRevoked(java.util.Collection<TopicPartition> partitions) {
                    partitions.forEach(member.owned::remove);
                    super.onPartitionsRevoked(partitions);
                }
            };
        }

        @Override
        public void run() {
            verifiable.run();
        }

        /** The values it says it has read; each is a line of its own. */
        void addRead(Set<Integer> into) {
            said.toString().lines().filter(line -> line.contains("\"record_data\"")).forEach(line ->
                into.add(Integer.valueOf(line.replaceFirst(".*\"value\":\"(\\d+)\".*", "$1"))));
        }
    }

    private static final class Group {
        final String topic;
        final List<Member> members;
        final AtomicInteger produced = new AtomicInteger();
        final AtomicBoolean stop = new AtomicBoolean();
        final Thread producing = new Thread(this::produce);

        Group(String protocol) throws Exception {
            topic = "java-" + protocol;
            Clients.create(PARTITIONS, topic);
            members = List.of(new Member(topic, protocol), new Member(topic, protocol));
        }

        private void produce() {
            try (KafkaProducer<String, String> producer = Clients.producer()) {
                while (!stop.get()) {
                    int number = produced.get();
                    var sent = producer.send(new ProducerRecord<>(topic, number % PARTITIONS, null, String.valueOf(number)));
                    if (number % 10 == 9) sent.get();
                    produced.set(number + 1);
                }
            } catch (Exception failed) {
                throw new AssertionError(failed);
            }
        }

        void begin() {
            producing.start();
            members.forEach(Thread::start);
        }

        void settle() throws Exception {
            Clients.until(topic + ": two partitions each", () -> members.stream().allMatch(each -> each.owned.size() == 2));
        }

        /** More is read than was produced when the broker had come back. */
        void goOn() throws Exception {
            int before = produced.get() + 100;
            Clients.until(topic + " goes on", () -> produced.get() > before);
            stop.set(true);
            producing.join();
        }

        void end() throws Exception {
            Set<Integer> read = new TreeSet<>();
            Clients.until(topic + ": everything read", () -> {
                members.forEach(each -> each.addRead(read));
                return read.size() == produced.get();
            });
            settle();
            Set<TopicPartition> owned = new HashSet<>();
            members.forEach(each -> owned.addAll(each.owned));
            Clients.check(owned.size() == PARTITIONS, owned);
            for (Member member : members) member.verifiable.close();
            for (Member member : members) member.join();
        }
    }
}
