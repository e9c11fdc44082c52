use super::*;

fn read_file(file: &str) -> (Listeners, Vec<String>) {
    let mut settings = Settings::new();
    assert_eq!(settings.add_file("f", file.as_bytes()), []);
    let mut findings = Findings::default();
    let values = Values::read(&settings, &mut findings);
    let listeners = read(&settings, &values, &mut findings);
    (listeners, findings.mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn without_a_word_one_plaintext_listener_serves_every_address() {
    let (listeners, mistakes) = read_file("");
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(listeners.served.len(), 1);
    let one = &listeners.served[0];
    assert_eq!((one.name.as_str(), one.host.as_str(), one.port, &one.advertised), ("PLAINTEXT", "", 9092, &None));
}

#[test]
fn the_listeners_of_a_compose_file_are_understood() {
    let (listeners, mistakes) = read_file(
        "listeners=PLAINTEXT://0.0.0.0:9092,BROKER://[::1]:9093,CONTROLLER://0.0.0.0:9094,tc-0://kafka:19092\n\
         advertised.listeners=PLAINTEXT://localhost:55000,BROKER://kafka:9093,TC-0://kafka:19092\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,TC-0:PLAINTEXT\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=BROKER\n",
    );
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(listeners.served.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["PLAINTEXT", "BROKER", "TC-0"]);
    assert_eq!(listeners.controller.len(), 1);
    assert_eq!(listeners.inter_broker, "BROKER");
    assert_eq!(listeners.served[0].advertised.as_ref().unwrap().to_string(), "localhost:55000");
    assert_eq!(listeners.served[1].host, "::1");
}

#[test]
fn every_mistake_about_listeners_is_told() {
    let (_, mistakes) = read_file(
        "listeners=PLAINTEXT//x:1,A://h:1,A://h:2,SSL://h:3,B://h:3\nadvertised.listeners=C://h:1,SSL://0.0.0.0:0\n",
    );
    let all = mistakes.join("\n");
    for part in [
        "PLAINTEXT//x:1 is no listener",
        "two listeners are named A",
        "listener A has no protocol",
        "listener B has no protocol",
        "does not serve yet",
        "C is not in listeners",
        "no client can reach 0.0.0.0",
        "SSL has port 0",
    ] {
        assert!(all.contains(part), "{part} is missing in\n{all}");
    }
}

#[test]
fn a_port_serves_one_listener() {
    let map = "listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT\n";
    let (_, mistakes) = read_file(&format!("{map}listeners=A://:9092,B://0.0.0.0:9092\n"));
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    let (_, mistakes) = read_file(&format!("{map}listeners=A://10.0.0.1:9092,B://10.0.0.2:9092\n"));
    assert_eq!(mistakes, [""; 0]);
    let (_, mistakes) = read_file(&format!("{map}listeners=A://127.0.0.1:0,B://127.0.0.1:0\n"));
    assert_eq!(mistakes, [""; 0], "the system chooses two ports");
}

#[test]
fn a_broker_without_a_listener_for_clients_is_refused() {
    let (_, mistakes) = read_file("listeners=CONTROLLER://:9093\n");
    assert!(mistakes.join("").contains("no listener for clients"), "{mistakes:?}");
}
