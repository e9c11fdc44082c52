//! The architecture as a test: every module uses only what stands below it, the state machines stay pure, and calls
//! that belong in one home are made nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up. A module may use modules of strictly lower layers, and itself.
const LAYERS: &[&[&str]] = &[
    &["model", "clock", "metrics", "memory"],
    &["config", "disk", "wire", "records"],
    &["log", "controller", "security"],
    &["broker"],
    &["api"],
    &["server"],
    &["cli"],
    &["main"],
];

/// (what may not be written, where it may be, why)
const BANNED: &[(&str, &[&str], &str)] = &[
    ("SystemTime", &["clock.rs"], "time is injected through clock::Clock"),
    ("Instant::now", &["clock.rs"], "time is injected through clock::Clock"),
    ("std::fs", &["disk/", "cli/"], "files are reached through disk::Disk"),
    ("kafka_protocol", &["wire/"], "messages come from wire, which closes the crate's traps"),
    ("unsafe {", &["disk/", "memory.rs"], "raw calls have one home"),
    ("unsafe fn", &["disk/"], "raw calls have one home"),
    ("unsafe impl", &["disk/"], "raw calls have one home"),
    ("todo!(", &[], "nothing is left open"),
    ("unimplemented!(", &[], "nothing is left open"),
];

/// Nothing asynchronous and no socket at or below layer 2.
const PURE_UP_TO_LAYER: usize = 2;

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every source file as (path below src, top module, text without comment lines).
fn tree() -> Vec<(String, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
            let top = below.split('/').next().unwrap().trim_end_matches(".rs").to_string();
            let text: String = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .map(|line| if line.trim_start().starts_with("//") { "\n".into() } else { format!("{line}\n") })
                .collect();
            (below, top, text)
        })
        .filter(|(_, top, _)| top != "lib")
        .collect()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Modules of this crate that a text names: `crate::x` and `ottla::x`, also in a braced list.
fn uses(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["crate::", "ottla::"] {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at + start.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let mut depth = 0;
                let mut item = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.push(std::mem::take(&mut item)),
                        _ if depth == 0 => item.push(c),
                        _ => {}
                    }
                }
                found.push(item);
            } else {
                found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            }
        }
    }
    found.into_iter().map(|f| f.trim().split("::").next().unwrap_or("").to_string()).filter(|f| !f.is_empty()).collect()
}

#[test]
fn every_module_has_a_layer() {
    for (file, top, _) in tree() {
        assert!(layer_of(&top).is_some(), "{file}: module {top} stands in no layer of tests/layering.rs");
    }
}

#[test]
fn no_module_reaches_up_or_sideways() {
    let mut wrong = Vec::new();
    for (file, top, text) in tree() {
        let own = layer_of(&top).unwrap_or(usize::MAX);
        for used in uses(&text) {
            match layer_of(&used) {
                Some(other) if used != top && other >= own => wrong.push(format!("{file} uses {used}")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers:\n{}", wrong.join("\n"));
}

#[test]
fn the_state_machines_and_the_log_know_no_runtime_and_no_socket() {
    let mut wrong = Vec::new();
    for (file, top, text) in tree() {
        if layer_of(&top).is_some_and(|l| l <= PURE_UP_TO_LAYER) {
            for word in ["tokio", "std::net::Tcp", "std::net::Udp", "socket2"] {
                if text.contains(word) {
                    wrong.push(format!("{file} names {word}"));
                }
            }
        }
        if top == "controller" {
            for word in ["crate::disk", "crate::clock", "getrandom", "Uuid::new_v4"] {
                if text.contains(word) {
                    wrong.push(format!("{file} names {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not pure:\n{}", wrong.join("\n"));
}

#[test]
fn what_has_one_home_is_called_nowhere_else() {
    let mut wrong = Vec::new();
    for (file, _, text) in tree() {
        // Tests beside the code may read clocks and files.
        if file.ends_with("tests.rs") || file.contains("/tests/") {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap_or("");
        for (word, homes, why) in BANNED {
            if text.contains(word) && !homes.iter().any(|home| file.starts_with(home)) {
                wrong.push(format!("{file} names {word}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "out of place:\n{}", wrong.join("\n"));
}

#[test]
fn the_rules_see_what_they_forbid() {
    assert_eq!(uses("use crate::{log::Log, api};\nlet x = crate::disk::open();"), ["log", "api", "disk"]);
}
