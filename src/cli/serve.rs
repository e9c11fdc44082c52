//! Starts the broker, with or without a file of settings.

use std::io;
use std::path::Path;

use tracing::{info, warn};

use crate::broker::start::StartError;
use crate::config::BrokerConfig;
use crate::server::{self, Ready, RunError};

use super::args::Serving;
use super::exit::Exit;
use super::{banner, load, logging};

/// `ottla`: for this machine only, with the data beside.
pub fn without_a_file(serving: &Serving) -> Exit {
    const IMPLIED: &[(&str, &str)] = &[("listeners", "PLAINTEXT://127.0.0.1:9092"), ("log.dirs", "ottla-data")];
    serve(None, serving, IMPLIED)
}

/// `ottla start [FILE]`: as Kafka's defaults have it.
pub fn start(file: Option<&Path>, serving: &Serving) -> Exit {
    serve(file, serving, &[])
}

fn serve(file: Option<&Path>, serving: &Serving, implied: &[(&str, &str)]) -> Exit {
    if let Err(error) = logging::start(serving.log.as_deref()) {
        eprintln!("{error}");
        return Exit::Usage;
    }
    let loaded = load::load(file, &serving.overrides, implied);
    let config = match loaded.config {
        Ok(config) => config,
        Err(mistakes) => {
            load::tell("The settings cannot be used:", &mistakes);
            return Exit::Config;
        }
    };
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let for_banner = config.clone();
    match server::run(config, move |ready| tell_ready(&for_banner, &ready)) {
        Ok(()) => Exit::Success,
        Err(failure) => {
            eprintln!("ottla: {failure}");
            exit_of(&failure)
        }
    }
}

fn tell_ready(config: &BrokerConfig, ready: &Ready) {
    print!("{}", banner::lines(config, &ready.cluster_id, &ready.listeners));
    // Scripts and test containers wait for Kafka's own words.
    let node = config.node_id;
    info!("[BrokerLifecycleManager id={node}] The broker has been unfenced. Transitioning from RECOVERY to RUNNING.");
    info!("Kafka Server started");
}

fn exit_of(failure: &RunError) -> Exit {
    match failure {
        RunError::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => Exit::PortTaken,
        RunError::Bind { .. } | RunError::Start(StartError::LogDirs(_) | StartError::Metadata(_)) => Exit::Config,
        RunError::Runtime(_) | RunError::Start(StartError::Io { .. }) => Exit::Failure,
    }
}
