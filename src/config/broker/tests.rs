use super::*;
use crate::config::settings::Origin;

fn read(file: &str) -> Result<BrokerConfig, Vec<String>> {
    let mut settings = Settings::new();
    assert_eq!(settings.add_file("server.properties", file.as_bytes()), []);
    BrokerConfig::read(settings).0.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn nothing_need_be_said() {
    let config = read("").unwrap();
    assert_eq!(config.node_id, NodeId(1));
    assert_eq!(config.log_dirs, [PathBuf::from("/tmp/kafka-logs")]);
    assert_eq!(config.metadata_dir, config.log_dirs[0]);
    assert_eq!(config.durability.acks_all, AcksAll::Fsync);
    assert_eq!(config.network.request_max_bytes, 104_857_600);
    assert_eq!(config.consumer_groups.assignors, ["uniform", "range"]);
    assert_eq!(config.consumer_groups.migration, Migration::Bidirectional);
    assert!(!config.authorization.enabled);
}

#[test]
fn a_file_for_a_one_node_kafka_works_as_it_is() {
    let config = read(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n\
         controller.quorum.voters=1@localhost:9093\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n\
         inter.broker.listener.name=PLAINTEXT\nadvertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n\
         num.network.threads=3\nlog.dirs=/data/a, /data/b\nnum.partitions=1\noffsets.topic.replication.factor=1\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\nsuper.users=User:a;User:b\n",
    )
    .unwrap();
    assert_eq!(config.log_dirs.len(), 2);
    assert_eq!((config.listeners.served.len(), config.listeners.controller.len()), (1, 1));
    assert_eq!(config.authorization.super_users, ["User:a", "User:b"]);
}

#[test]
fn the_old_name_of_the_node_id_still_works_and_both_are_shown() {
    let config = read("broker.id=7\n").unwrap();
    assert_eq!(config.node_id, NodeId(7));
    assert_eq!(config.settings.text("node.id"), Some("7"));
    let config = read("node.id=3\nbroker.id=-1\n").unwrap();
    assert_eq!(config.settings.text("broker.id"), Some("3"));
    assert_eq!(config.settings.get("broker.id").unwrap().origin, Origin::Implied);
    assert!(read("node.id=3\nbroker.id=4\n").is_err());
}

#[test]
fn files_for_more_than_one_node_are_refused_with_a_sentence() {
    for (file, part) in [
        ("process.roles=controller\n", "broker and controller in one process"),
        ("controller.quorum.voters=1@a:9093,2@b:9093\n", "several voters"),
        ("node.id=2\ncontroller.quorum.voters=1@a:9093\n", "this node has the id 2"),
        ("authorizer.class.name=com.example.Mine\n", "cannot load a Java class"),
    ] {
        let mistakes = read(file).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains(part), "{mistakes:?}");
    }
}

#[test]
fn keys_that_contradict_each_other_are_told_together() {
    let mistakes = read(
        "queued.max.request.bytes=5\nlog.retention.ms=0\nlog.cleaner.threads=500\nmax.connections.per.ip=0\n\
         group.consumer.session.timeout.ms=1\nconnections.max.idle.ms=10\nmax.connections.per.ip.overrides=x\n\
         log.dirs=\n",
    )
    .unwrap_err();
    assert_eq!(mistakes.len(), 9, "{mistakes:#?}");
    assert!(mistakes.iter().all(|m| m.starts_with("server.properties:")), "{mistakes:#?}");
}

#[test]
fn a_mistake_in_any_key_is_told_and_never_more_than_that() {
    for name in crate::config::schema::BROKER.keys() {
        for value in ["", "x", "-9", "99999999999999999999", ",", "://", "\u{e4}:1"] {
            let mut settings = Settings::new();
            settings.set(name, value, Origin::CommandLine);
            let _ = BrokerConfig::read(settings);
        }
    }
}
