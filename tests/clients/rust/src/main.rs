//! The rdkafka crate plays what its first argument names against the broker at the second; an error ends it with a panic.

mod codecs;
mod groups;
mod speed;
mod support;
mod transactions;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["codecs", server] => codecs::run(server),
        ["groups", server, assignment] => groups::run(server, assignment),
        ["transactions", server] => transactions::run(server),
        ["produce", server, topic, records, bytes] => speed::produce(server, topic, records, bytes),
        ["consume", server, topic, records] => speed::consume(server, topic, records),
        _ => panic!("say what to play, and the broker"),
    }
}
