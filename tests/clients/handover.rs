//! One data directory and one `server.properties`, served in turn by this broker and by Apache Kafka.

use crate::broker::Broker;
use crate::commands::words_of;
use crate::java::{Java, Kafka, Said, Settings, Tools};
use regex::Regex;

/// Fills the cluster. `@` is the broker, `|` parts the input from the command.
const FILL: &[&str] = &[
    "topics @ --create --topic keep --partitions 2 --config retention.ms=123456789",
    "topics @ --create --topic tx",
    r"a:1\nb:2\nc:3\nd:4 | console-producer @ --topic keep --reader-property parse.key=true --reader-property key.separator=:",
    "console-consumer @ --topic keep --group classic --from-beginning --max-messages 4",
    "console-consumer @ --topic keep --group new --from-beginning --max-messages 4 --command-property group.protocol=consumer",
    "acls @ --add --allow-principal User:alice --operation Read --topic ke --resource-pattern-type prefixed",
    "acls @ --add --deny-principal User:eve --deny-host 10.0.0.1 --operation All --cluster",
    "configs @ --alter --entity-type users --entity-name alice --add-config SCRAM-SHA-256=[iterations=4096,password=secret]",
    "configs @ --alter --entity-type users --entity-name alice --add-config producer_byte_rate=1000",
    "configs @ --alter --entity-type clients --entity-default --add-config request_percentage=500",
    "configs @ --alter --entity-type brokers --entity-default --add-config log.cleaner.threads=2",
    "configs @ --alter --entity-type groups --entity-name new --add-config consumer.session.timeout.ms=50000",
    "client-metrics @ --alter --name metrics --metrics org.apache.kafka. --interval 60000",
    // From here on the metadata log names its voter.
    "features @ upgrade --feature kraft.version=1",
];

/// What must be the same before and after.
const STATE: &[&str] = &[
    "topics @ --describe",
    "configs @ --describe --entity-type topics --entity-name keep",
    "configs @ --describe --entity-type brokers --entity-default",
    "configs @ --describe --entity-type users --entity-name alice",
    "configs @ --describe --entity-type clients",
    "configs @ --describe --entity-type groups --entity-name new",
    "client-metrics @ --describe",
    "acls @ --list",
    "get-offsets @ --topic-partitions keep,tx",
    "consumer-groups @ --describe --all-groups --offsets",
    "groups @ --list",
    "transactions @ list",
    "transactions @ describe --transactional-id open",
    "features @ describe",
    "console-consumer @ --topic keep --partition 0 --offset 0 --max-messages 1 --formatter-property print.key=true",
];

pub fn there_and_back(java: &Java) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::write(
        folder.path(),
        &[
            ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
            ("super.users", "User:ANONYMOUS"),
        ],
    );
    let mut tools = java.tools();
    let mut ottla = Broker::on(&settings);
    for command in FILL {
        run(&mut tools, &settings, command);
    }
    let mut committed = Vec::new();
    for (round, killed) in [false, true].into_iter().enumerate() {
        let value = format!("of ottla {round}");
        tools.must(&["begin-transaction", &settings.address(), "open", "tx", &value]);
        let before = state(&mut tools, &settings);
        ottla.stop();

        let kafka = Kafka::start_formatted(java, &settings);
        same(&mut tools, &settings, &before, "Apache Kafka on this broker's data");
        tools.must(&["commit-transaction", "open"]);
        committed.push(value);
        run(&mut tools, &settings, &format!("topics @ --create --topic by-kafka-{round}"));
        run(
            &mut tools,
            &settings,
            "x:more | console-producer @ --topic keep --reader-property parse.key=true --reader-property key.separator=:",
        );
        let value = format!("of kafka {round}");
        tools.must(&["begin-transaction", &settings.address(), "open", "tx", &value]);
        let before = state(&mut tools, &settings);
        if killed {
            kafka.kill()
        } else {
            kafka.stop()
        }

        ottla = Broker::on(&settings);
        same(&mut tools, &settings, &before, "this broker on Apache Kafka's data");
        tools.must(&["commit-transaction", "open"]);
        committed.push(value);
        let count = committed.len();
        let shown = run(
            &mut tools,
            &settings,
            &format!(
                "console-consumer @ --topic tx --partition 0 --offset 0 --isolation-level read_committed --max-messages {count}"
            ),
        );
        assert_eq!(shown.lines().collect::<Vec<_>>(), committed);
    }
}

fn run(tools: &mut Tools, settings: &Settings, command: &str) -> String {
    let said = try_to(tools, settings, command);
    assert_eq!(said.status, 0, "{command}: {said:?}");
    said.out
}

fn try_to(tools: &mut Tools, settings: &Settings, command: &str) -> Said {
    let (input, line) = command.split_once(" | ").unwrap_or(("", command));
    let mut words: Vec<String> = Vec::new();
    for word in words_of(line) {
        match word {
            "@" => words.extend(["--bootstrap-server".into(), settings.address()]),
            _ => words.push(word.into()),
        }
    }
    words[0] = format!("kafka-{}", words[0]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    tools.run_with(&input.replace("\\n", "\n"), &words)
}

type State = Vec<(&'static str, Vec<String>)>;

/// What the tools tell of the cluster.
fn state(tools: &mut Tools, settings: &Settings) -> State {
    STATE.iter().map(|command| (*command, lasting(&run(tools, settings, command)))).collect()
}

/// The lines of an output in order, without what passes. Ids and times stay: they move along.
fn lasting(out: &str) -> Vec<String> {
    let passing = Regex::new(r"( +)|(Epoch: \d+)").unwrap();
    let duration = Regex::new(r"(\d{13} \t)\d+").unwrap();
    let out = duration.replace_all(&passing.replace_all(out, " "), "$1").into_owned();
    let mut lines: Vec<String> = out.lines().map(str::to_string).collect();
    lines.sort();
    lines
}

/// Asks until everything is as before: a broker that has just started may be loading its coordinators.
fn same(tools: &mut Tools, settings: &Settings, before: &State, what: &str) {
    for (command, before) in before {
        let mut found = Vec::new();
        for _ in 0..30 {
            found = lasting(&try_to(tools, settings, command).out);
            if found == *before {
                break;
            }
        }
        assert_eq!(*before, found, "{what}: {command}");
    }
}
