//! Apache Kafka, to compare with: the jars are fetched with Maven once, and the JVM gets the flags of Kafka's own
//! start script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

pub const VERSION: &str = "4.3.1";
const CLUSTER_ID: &str = "b3R0bGEtYmVuY2htYXJrMQ";
const HEAP: [&str; 2] = ["-Xmx1G", "-Xms1G"];
const JVM: [&str; 7] = [
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
];
const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ottla.bench</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>VERSION</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>VERSION</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
  </dependencies>
</project>
"#;

/// Where the jars lie.
#[derive(Clone, Debug)]
pub struct Kafka {
    libs: PathBuf,
    java: PathBuf,
    /// Added to the settings; see [`index_remedy`].
    pub extra_settings: String,
}

impl Kafka {
    /// Finds Java and the jars, fetching them the first time. The error says in a sentence what is missing.
    pub fn find(cache: &Path) -> Result<Kafka> {
        let java = match std::env::var_os("JAVA_HOME") {
            Some(home) => PathBuf::from(home).join("bin/java"),
            None => PathBuf::from("java"),
        };
        if !runs(&java, "-version") {
            bail!("there is no Java (17 or later) on the PATH or in JAVA_HOME");
        }
        let libs = cache.join(format!("libs-{VERSION}"));
        let complete = libs.join(".complete");
        if !complete.exists() {
            fetch(cache, &libs)?;
            fs::write(complete, "")?;
        }
        Ok(Kafka { libs, java, extra_settings: String::new() })
    }

    /// Formats the directory, which must be done before a start.
    pub fn format(&self, properties: &Path) -> Result<()> {
        let output = self
            .java(&["-Xmx256m"])
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(properties)
            .output()?;
        if !output.status.success() {
            bail!("Kafka's storage tool failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    pub fn start_command(&self, properties: &Path) -> Command {
        let mut command = self.java(&HEAP);
        command.args(JVM).arg("kafka.Kafka").arg(properties);
        command
    }

    /// One of Kafka's own tools.
    pub fn tool(&self, class: &str) -> Command {
        let mut command = self.java(&["-Xmx512m"]);
        command.arg(class);
        command
    }

    fn java(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(&self.java);
        command.args(flags).arg("-cp").arg(self.libs.join("*"));
        command
    }
}

/// The first touch of a sparse 10 MB index file makes the system read ahead. Where that is far above the usual
/// 128 KiB, Kafka would pay milliseconds for a setting of the machine; it then gets smaller index files.
pub fn index_remedy(read_ahead_kb: Option<u64>) -> Option<&'static str> {
    read_ahead_kb.filter(|kb| *kb > 512).map(|_| "log.index.size.max.bytes=1048576\n")
}

fn runs(program: &Path, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|s| s.success())
}

fn fetch(cache: &Path, libs: &Path) -> Result<()> {
    if !runs(Path::new("mvn"), "-v") {
        bail!("Maven (mvn) is not on the PATH to fetch the jars of Apache Kafka {VERSION}");
    }
    fs::create_dir_all(cache)?;
    let pom = cache.join("pom.xml");
    fs::write(&pom, POM.replace("VERSION", VERSION))?;
    println!("Fetching Apache Kafka {VERSION} with Maven (once) ...");
    let output = Command::new("mvn")
        .args(["-q", "-B", "-f"])
        .arg(&pom)
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", libs.display()))
        .output()
        .context("running mvn")?;
    if !output.status.success() {
        bail!("Maven could not fetch Apache Kafka {VERSION}: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(())
}
