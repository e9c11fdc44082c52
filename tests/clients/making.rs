//! Where other people's clients are made, once; and the two that the benchmark uses too: the Python environment, and the
//! Rust program that takes librdkafka from it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const PYTHON_PACKAGES: &[&str] = &["confluent-kafka==2.16.1", "kafka-python==3.0.12"];

pub fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(language)
}

pub fn folder_for(language: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{language}-clients"))
}

/// Fills the folder anew unless it was filled with the same things before: a making that was cut short is not trusted.
pub fn once(folder: &Path, what: &str, fill: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let complete = folder.join("complete");
    if std::fs::read_to_string(&complete).is_ok_and(|made| made == what) {
        return Ok(());
    }
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    fill()?;
    std::fs::write(&complete, what).map_err(|e| e.to_string())
}

/// An environment with the packages; what comes back is its interpreter.
pub fn make_python() -> Result<PathBuf, String> {
    let folder = folder_for("python");
    let interpreter = folder.join("bin/python");
    once(&folder, &PYTHON_PACKAGES.join(" "), || {
        call(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        call(Command::new(&interpreter).args(["-m", "pip", "install", "-q"]).args(PYTHON_PACKAGES))
    })?;
    Ok(interpreter)
}

/// The words of a command. Compiling librdkafka would take minutes; the Python client brings a built one.
pub fn make_rust(interpreter: &Path) -> Result<Vec<OsString>, String> {
    let library = librdkafka(interpreter)?;
    let folder = folder_for("rust");
    let link = folder.join("librdkafka.so");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&library, &link).map_err(|e| e.to_string())?;
    let compiler = Command::new("rustc").arg("-vV").output().map_err(|e| e.to_string())?;
    let compiler = String::from_utf8_lossy(&compiler.stdout).into_owned();
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    // What the build script of rdkafka-sys would print, so that it is not run.
    let of_build_script = [
        format!("target.{host}.rdkafka.rustc-link-lib=['rdkafka']"),
        format!("target.{host}.rdkafka.rustc-link-search=['native={}']", folder.display()),
    ];
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--target-dir"]).arg(&folder).current_dir(sources("rust"));
    call(build.args(of_build_script.iter().flat_map(|setting| ["--config", setting])))?;
    let found_in = format!("LD_LIBRARY_PATH={}", library.parent().ok_or("no folder")?.display());
    Ok(vec!["env".into(), found_in.into(), folder.join("debug/clients").into()])
}

/// The library within the Python client, whose name has a hash in it.
fn librdkafka(interpreter: &Path) -> Result<PathBuf, String> {
    let under = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let lib = interpreter.parent().and_then(Path::parent).ok_or("no environment")?.join("lib");
    let libraries = under(&lib).flat_map(|python| under(&python.join("site-packages/confluent_kafka.libs")));
    let named = |path: &PathBuf| path.to_string_lossy().contains("librdkafka");
    libraries.into_iter().find(named).ok_or_else(|| format!("no librdkafka under {}", lib.display()))
}

pub fn call(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    // Maven says what went wrong on its standard output.
    let said = || String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(()) } else { Err(said()) }
}
