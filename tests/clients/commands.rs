//! `java/commands.txt` played against this broker and against Apache Kafka.

use crate::broker::Broker;
use crate::java::{CLUSTER_ID, Java, Kafka, Said, Settings, Tools};
use crate::tools::Python;
use regex::Regex;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command};

const TABLE: &str = "tests/clients/java/commands.txt";

/// A broker with what its outputs name that another broker's do not.
struct Side<'a> {
    settings: &'a Settings,
    folder: PathBuf,
    is_ottla: bool,
    input: String,
}

pub fn compare(java: &Java, python: &Python) {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ottla", "kafka"].map(|name| {
        let folder = folder.path().join(name);
        let dirs = format!("{0}/data,{0}/data2", folder.display());
        let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        let settings = [("log.dirs", &*dirs), ("authorizer.class.name", authorizer), ("super.users", "User:ANONYMOUS")];
        (Settings::write(&folder, &settings), folder)
    });
    let file = ours.0.file().display().to_string();
    let formatted = ottla(&["storage", "format", "-t", CLUSTER_ID, "-c", &file].map(str::to_string));
    assert_eq!(formatted.status, 0, "{formatted:?}");
    let mut ottla_broker = Broker::on(&ours.0);
    let mut kafka = Some(Kafka::start(java, &theirs.0));
    let mut sides = [&ours, &theirs].map(|(settings, folder)| Side {
        settings,
        folder: folder.clone(),
        is_ottla: folder.ends_with("ottla"),
        input: String::new(),
    });
    let mut tools = java.tools();
    let masks = masks();
    let mut different = 0;
    let mut held = Vec::new();
    let table = std::fs::read_to_string(TABLE).unwrap();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line {
            "hold" => held = sides.each_ref().map(|side| Live::start(python, &side.settings.address())).into(),
            "release" => held.clear(),
            "stop" => {
                ottla_broker.stop();
                kafka.take().into_iter().for_each(Kafka::stop);
            }
            _ => different += differs(&mut sides, &mut tools, &masks, line),
        }
    }
    assert_eq!(different, 0, "commands of {TABLE} print something else than with Apache Kafka");
}

/// 1 if a line leads to different things.
fn differs(sides: &mut [Side<'_>; 2], tools: &mut Tools, masks: &[(Regex, &str)], line: &str) -> usize {
    let [ours, theirs] = sides.each_mut().map(|side| side.play(tools, masks, line));
    if ours == theirs {
        return 0;
    }
    println!("---- {line}\n  ottla: {}\n  kafka: {}", shown(&ours), shown(&theirs));
    1
}

/// Members and transactions of one broker, until it is dropped.
struct Live(Child);

impl Live {
    fn start(python: &Python, broker: &str) -> Live {
        let mut process = python.spawn("live.py", &[broker]);
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        Live(process)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shown(said: &Option<Said>) -> String {
    let Some(said) = said else { return String::new() };
    format!("exit {}\n{}\n{}", said.status, said.out, said.err)
}

impl Side<'_> {
    /// What a line of the table leads to, without what differs from broker to broker.
    fn play(&mut self, tools: &mut Tools, masks: &[(Regex, &str)], line: &str) -> Option<Said> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "input" => self.input = rest.replace("\\n", "\n"),
            "file" => {
                let (name, text) = rest.split_once(' ').unwrap();
                std::fs::write(self.folder.join(name), self.filled(&text.replace("\\n", "\n"))).unwrap();
            }
            "await" => {
                let tries = std::iter::repeat_with(|| self.run(tools, masks, rest)).take(300);
                return tries.into_iter().find(|said| !said.out.contains("progress"));
            }
            "sorted" => {
                let said = self.run(tools, masks, rest);
                let sorted = |text: &str| {
                    let mut lines: Vec<&str> = text.lines().collect();
                    lines.sort();
                    lines.join("\n")
                };
                return Some(Said { out: sorted(&said.out), ..said });
            }
            "status" => {
                let said = self.run(tools, masks, rest);
                return Some(Said { status: said.status, out: String::new(), err: String::new() });
            }
            _ => return Some(self.run(tools, masks, line)),
        }
        None
    }

    fn run(&mut self, tools: &mut Tools, masks: &[(Regex, &str)], line: &str) -> Said {
        let controller = self.controller();
        let mut words: Vec<String> = Vec::new();
        for word in words_of(line) {
            match word {
                "@" => words.extend(["--bootstrap-server".into(), self.settings.address()]),
                "@c" => words.extend(["--bootstrap-controller".into(), controller.clone()]),
                _ => words.push(self.filled(word)),
            }
        }
        let said = if self.is_ottla && words[0] == "storage" {
            ottla(&words)
        } else {
            words[0] = format!("kafka-{}", words[0]);
            let input = std::mem::take(&mut self.input);
            tools.run_with(&input, &words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let mask = |text: &str| self.masked(masks, text);
        Said { status: said.status, out: mask(&said.out), err: mask(&said.err) }
    }

    fn controller(&self) -> String {
        format!("127.0.0.1:{}", self.settings.port() + 1)
    }

    fn filled(&self, text: &str) -> String {
        let folder = self.folder.display().to_string();
        text.replace("{data}", &format!("{folder}/data"))
            .replace("{folder}", &folder)
            .replace("{broker}", &self.settings.address())
            .replace("{port}", &self.settings.port().to_string())
    }

    fn masked(&self, masks: &[(Regex, &str)], text: &str) -> String {
        let folder = self.folder.display().to_string();
        let port = self.settings.port();
        let text = text.replace(&folder, "FOLDER").replace(&port.to_string(), "PORT");
        let text = text.replace(&(port + 1).to_string(), "CONTROLLER_PORT");
        masks.iter().fold(text, |text, (mask, with)| mask.replace_all(&text, *with).into_owned())
    }
}

fn ottla(words: &[String]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_ottla")).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The words of a line; quotes keep spaces.
pub fn words_of(line: &str) -> impl Iterator<Item = &str> {
    let word = Regex::new(r"'([^']*)'|(\S+)").unwrap();
    let words: Vec<&str> = word
        .captures_iter(line)
        .map(|found| found.get(1).or(found.get(2)).unwrap().range())
        .map(|range| &line[range])
        .collect();
    words.into_iter()
}

fn masks() -> Vec<(Regex, &'static str)> {
    [
        // Where in a tool an exception came from, and its traces on the way.
        (r"^(\tat |\t\.\.\. ).*\n", ""),
        (r"^(ERROR|WARN) .*\n", ""),
        // Java's way of telling what its program prints of its own.
        (r"^(Bootstrap metadata: .*\n|Exception in thread .main. java.lang.[A-Za-z]*Exception: )", ""),
        (r"(console-consumer|test-group)-\d+", "$1"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?Z?", "TIME"),
        (r"\b1[789]\d{11}\b", "TIME"),
        // Ids of topics, directories, clusters and members.
        (r"(^|[^A-Za-z0-9_+/-])[A-Za-z0-9_+/-]{22}($|[^A-Za-z0-9_+/-])", "${1}ID${2}"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        // Padding of columns.
        (" +", " "),
        (r"(TIME[ \t]+)\d+", "${1}DURATION"),
        (r"\d+ ms ago", "AGO"),
        // How long the metadata log is.
        (r"(\bEpoch: |HighWatermark: |^1 \tID\t)\d+", "${1}OFFSET"),
    ]
    .map(|(pattern, with)| (Regex::new(&format!("(?m){pattern}")).unwrap(), with))
    .into()
}
