//! Apache Kafka's own command line tools, all in one virtual machine, and its broker.

use crate::broker::free_port;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Of every cluster that is formatted here.
pub const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";
const SMALL: &[&str] = &["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];

/// Kafka's jars and our programs that call them.
pub struct Java {
    pub jars: PathBuf,
    pub classes: PathBuf,
}

impl Java {
    fn command(&self, options: &[&str], program: &str) -> Command {
        let mut command = Command::new("java");
        let logging = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/java/log4j2.properties");
        command.args(SMALL).args(options).arg(format!("-Dlog4j2.configurationFile={}", logging.display()));
        command.arg("-cp").arg(format!("{}:{}/*", self.classes.display(), self.jars.display())).arg(program);
        command
    }

    /// Starts our program of clients, which says what it wants done and goes on when it is told that it is.
    pub fn clients(&self, what: &str, broker: &str, folder: &Path) -> Talking {
        let mut command = self.command(&["-Xmx200m"], "Clients");
        command.args([what, broker]).arg(folder);
        Talking::start(command)
    }

    /// The same with Flink's jobs; Flink clones what it moves by looking into it.
    pub fn flink(&self, broker: &str, folder: &Path) -> Talking {
        let opens = ["java.util", "java.lang"].map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
        let mut command = self.command(&["-Xmx250m", &opens[0], &opens[1]], "Flink");
        command.arg(broker).arg(folder);
        Talking::start(command)
    }

    /// A machine that runs one command after the other. Starting it costs as much as all small commands together.
    pub fn tools(&self) -> Tools {
        let mut command = self.command(&["-Xmx200m"], "Tools");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Tools { process, commands, answers }
    }
}

/// Ends with a kill when it is dropped.
pub struct Talking {
    process: Child,
    lines: BufReader<ChildStdout>,
    answers: ChildStdin,
}

impl Talking {
    fn start(mut command: Command) -> Talking {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Talking { process, lines, answers }
    }

    pub fn wait_for_line(&mut self, wanted: &str) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            println!("java: {}", line.trim_end());
            if line.trim() == wanted {
                return;
            }
            line.clear();
        }
        panic!("the Java clients ended without saying: {wanted}");
    }

    pub fn answer(&mut self) {
        self.answers.write_all(b"done\n").unwrap();
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

pub struct Tools {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What a command printed, and its exit status.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Tools {
    /// `command` is the script's name without its ending, and its arguments.
    pub fn run(&mut self, command: &[&str]) -> Said {
        self.run_with("", command)
    }

    pub fn run_with(&mut self, input: &str, command: &[&str]) -> Said {
        let escape = |word: &&str| word.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
        let words: Vec<String> = [input].iter().chain(command).map(escape).collect();
        self.commands.write_all(format!("{}\n", words.join("\t")).as_bytes()).unwrap();
        let mut header = String::new();
        self.answers.read_line(&mut header).unwrap();
        let told: Vec<i64> = header.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [status, out, err] = told[..] else { panic!("{command:?}: the machine ended") };
        let mut text = |length: i64| {
            let mut bytes = vec![0; length as usize];
            self.answers.read_exact(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Said { status: status as i32, out: text(out), err: text(err) }
    }

    /// Runs a command that must succeed; its standard output.
    pub fn must(&mut self, command: &[&str]) -> String {
        let said = self.run(command);
        assert_eq!(said.status, 0, "{command:?}: {said:?}");
        said.out
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

/// Apache Kafka's broker in a process of its own.
pub struct Kafka {
    process: Option<Child>,
}

impl Kafka {
    /// Formats the directories that the settings name, unless they are formatted, and starts on them.
    pub fn start(java: &Java, settings: &Settings) -> Kafka {
        Self::launch(java, &[settings.file().to_str().unwrap(), CLUSTER_ID])
    }

    /// Starts on directories that are formatted already.
    pub fn start_formatted(java: &Java, settings: &Settings) -> Kafka {
        Self::launch(java, &[settings.file().to_str().unwrap()])
    }

    fn launch(java: &Java, arguments: &[&str]) -> Kafka {
        let mut command = java.command(&["-Xmx256m"], "Server");
        let mut process = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let serves = lines.by_ref().any(|line| {
            println!("kafka: {line}");
            line.contains("Kafka Server started")
        });
        std::thread::spawn(move || lines.for_each(drop));
        let mut kafka = Kafka { process: Some(process) };
        if !serves {
            end(kafka.process.as_mut().unwrap());
            panic!("Apache Kafka did not start");
        }
        kafka
    }

    pub fn stop(mut self) {
        let mut process = self.process.take().unwrap();
        assert!(Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap().success());
        process.wait().unwrap();
    }

    /// Ends it without a chance to write anything more.
    pub fn kill(mut self) {
        end(&mut self.process.take().unwrap());
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            end(&mut process);
        }
    }
}

/// A `server.properties` that either broker can be started with, in a folder that also holds the data.
pub struct Settings {
    folder: PathBuf,
    port: u16,
}

impl Settings {
    pub fn write(folder: &Path, settings: &[(&str, &str)]) -> Settings {
        let (port, controller_port) = (free_port(), free_port());
        let mut text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n\
             controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\nlog.dirs={}\n\
             log.cleaner.dedupe.buffer.size=4194304\ngroup.initial.rebalance.delay.ms=0\n",
            folder.join("data").display()
        );
        let internal = ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"];
        for topic in internal {
            text += &format!("{topic}.replication.factor=1\n{topic}.num.partitions=4\n");
        }
        for topic in &internal[1..] {
            text += &format!("{topic}.min.isr=1\n");
        }
        settings.iter().for_each(|(key, value)| text += &format!("{key}={value}\n"));
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("server.properties"), text).unwrap();
        Settings { folder: folder.to_path_buf(), port }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}
