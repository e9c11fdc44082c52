//! Real clients over loopback against the real binary.
//!
//! What they need the tests make themselves under `target/`. Where a language is missing its tests say so and pass,
//! unless `OTTLA_TESTS_REQUIRE_TOOLS=1` asks for all of them.

mod broker;
mod commands;
mod exactly_once;
mod handover;
mod java;
mod making;
mod tools;

use broker::Broker;

#[test]
fn confluent_kafka_produces_with_every_codec_and_reads_it_back() {
    let Some(python) = tools::python() else { return };
    let broker = Broker::start(&[]);
    python.run("codecs.py", &[&broker.address()]);
}

#[test]
fn a_keyed_topic_compacts_and_retention_takes_effect_soon() {
    let Some(python) = tools::python() else { return };
    let broker = Broker::start(&[("log.cleaner.backoff.ms", "200"), ("log.initial.task.delay.ms", "100")]);
    python.run("forgetting.py", &[&broker.address()]);
}

#[test]
fn what_was_acknowledged_survives_kill_9_under_a_running_producer() {
    let Some(python) = tools::python() else { return };
    let mut broker = Broker::start(&[]);
    // A thousand in the long mode.
    let cycles = std::env::var("OTTLA_KILLS").ok().and_then(|n| n.parse().ok());
    let long = std::env::var_os("OTTLA_LONG_TESTS").is_some();
    for cycle in 0..cycles.unwrap_or(if long { 1000 } else { 3 }) {
        let produced = python.start("produce_until_killed.py", &[&broker.address(), &cycle.to_string()]);
        produced.wait_for_line("going");
        broker.kill();
        let acknowledged = produced.finish();
        broker.restart();
        python.run("read_back.py", &[&broker.address(), &cycle.to_string(), acknowledged.trim()]);
    }
}

#[test]
fn consumer_groups_share_and_resume() {
    let Some(python) = tools::python() else { return };
    let broker = Broker::start(&[("group.initial.rebalance.delay.ms", "0")]);
    for protocol in ["classic", "consumer"] {
        python.run("groups.py", &[&broker.address(), protocol]);
    }
}

#[test]
fn transactions_commit_and_abort() {
    let Some(python) = tools::python() else { return };
    let broker = Broker::start(&[]);
    python.run("transactions.py", &[&broker.address()]);
}

#[test]
fn admin_clients_of_python_get_what_they_ask_for() {
    let Some(python) = tools::python() else { return };
    let settings = [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
        ("group.initial.rebalance.delay.ms", "0"),
    ];
    for script in ["admin_confluent.py", "admin_kafka_python.py"] {
        let broker = Broker::start(&settings);
        python.run(script, &[&broker.address()]);
    }
}

#[test]
fn a_stopped_broker_starts_clean_with_everything_there() {
    let Some(python) = tools::python() else { return };
    let mut broker = Broker::start(&[]);
    python.run("codecs.py", &[&broker.address()]);
    broker.stop();
    assert!(broker.data().join(".kafka_cleanshutdown").exists(), "no mark of a clean stop");
    broker.restart();
    python.run("codecs.py", &[&broker.address(), "read"]);
}

#[test]
fn go_clients_create_produce_and_consume() {
    let Some(go) = tools::go() else { return };
    let broker = Broker::start(&[("group.initial.rebalance.delay.ms", "0")]);
    for client in ["franz-go", "sarama", "kafka-go"] {
        go.run(&[client, &broker.address()]);
    }
}

#[test]
fn node_clients_create_produce_and_consume() {
    let Some(node) = tools::node() else { return };
    let broker = Broker::start(&[("group.initial.rebalance.delay.ms", "0")]);
    for client in ["kafkajs", "platformatic"] {
        node.run(&[client, &broker.address()]);
    }
}

#[test]
fn rust_client_reads_what_it_wrote_with_every_codec_and_in_transactions() {
    let Some(rust) = tools::rust() else { return };
    let broker = Broker::start(exactly_once::SETTINGS);
    for what in ["codecs", "transactions"] {
        rust.run(&[what, &broker.address()]);
    }
}

#[test]
fn rust_members_come_and_go_while_records_arrive() {
    let Some(rust) = tools::rust() else { return };
    let broker = Broker::start(exactly_once::SETTINGS);
    for assignment in ["range", "cooperative-sticky", "consumer"] {
        rust.run(&["groups", &broker.address(), assignment]);
    }
}

#[test]
fn copies_are_exact_whoever_is_killed() {
    let Some(python) = tools::python() else { return };
    let seed = std::env::var("OTTLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let rounds = if std::env::var_os("OTTLA_LONG_TESTS").is_some() { 300 } else { 6 };
    exactly_once::copy_through_kills(python, "classic", seed, rounds);
}

#[test]
fn copies_in_the_new_group_protocol_are_exact_whoever_is_killed() {
    let Some(python) = tools::python() else { return };
    let seed = std::env::var("OTTLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2);
    let rounds = if std::env::var_os("OTTLA_LONG_TESTS").is_some() { 300 } else { 6 };
    exactly_once::copy_through_kills(python, "consumer", seed, rounds);
}

#[test]
fn java_transactions_groups_and_streams_outlive_kills() {
    let Some(java) = tools::java() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut settings = exactly_once::SETTINGS.to_vec();
    settings.push(("transaction.abort.timed.out.transaction.cleanup.interval.ms", "200"));
    let mut broker = Broker::start(&settings);
    let mut counting = java.clients("count", &broker.address(), folder.path());
    counting.wait_for_line("counting");
    drop(counting);
    let mut all = java.clients("all", &broker.address(), folder.path());
    all.wait_for_line("kill the broker");
    broker.kill();
    broker.restart();
    all.answer();
    all.wait_for_line("all good");
}

#[test]
fn flinks_sink_writes_every_number_once_whatever_fails() {
    let Some(flink) = tools::flink() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(&[]);
    let mut jobs = flink.flink(&broker.address(), folder.path());
    jobs.wait_for_line("kill the broker");
    broker.kill();
    broker.restart();
    jobs.answer();
    jobs.wait_for_line("all good");
}

#[test]
fn kafkas_tools_say_the_same_of_both_brokers() {
    let Some(java) = tools::java() else { return };
    let Some(python) = tools::python() else { return };
    commands::compare(java, python);
}

#[test]
fn a_data_directory_moves_to_apache_kafka_and_back_with_everything_in_it() {
    let Some(java) = tools::java() else { return };
    handover::there_and_back(java);
}
