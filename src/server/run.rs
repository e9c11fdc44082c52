//! The whole life of a broker process: start, bind, serve until told to stop, drain, close.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::broker::Broker;
use crate::broker::housekeeping::Housekeeping;
use crate::broker::metadata_log::Office;
use crate::broker::start::{self, StartError};
use crate::clock::SystemClock;
use crate::config::{BrokerConfig, log_levels};
use crate::disk::real::RealDisk;
use crate::memory;

use super::{Server, descriptors};

/// How long answers in flight may take after the order to stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Why the broker did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("listener {listener}: cannot bind {address}: {source}; stop what uses the port, or change listeners")]
    Bind { listener: String, address: String, source: io::Error },
}

/// What is known once the listeners are bound, for the banner.
pub struct Ready {
    pub cluster_id: String,
    pub listeners: Vec<(String, SocketAddr)>,
}

/// Runs a broker until SIGTERM or SIGINT. A second SIGINT ends it at once.
pub fn run(config: BrokerConfig, ready: impl FnOnce(Ready)) -> Result<(), RunError> {
    memory::bound_what_is_kept();
    descriptors::make_room();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(workers()).thread_name("network").enable_all().build();
    runtime.map_err(RunError::Runtime)?.block_on(serve(config, ready))
}

/// A worker a core. `num.network.threads` and `num.io.threads` are numbers for another design.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

async fn serve(config: BrokerConfig, ready: impl FnOnce(Ready)) -> Result<(), RunError> {
    let listeners: Vec<_> = config.listeners.bound().cloned().collect();
    for listener in config.listeners.controller.iter().filter(|one| !listeners.contains(one)) {
        info!("Controller listener {} is not served: only PLAINTEXT ones are", listener.name);
    }
    let backlog = config.network.listen_backlog;
    // Ports are taken first: a broker that cannot listen must not touch its data.
    let mut bound = Vec::new();
    for listener in &listeners {
        let address = format!("{}:{}", listener.host, listener.port);
        let refused = |source| RunError::Bind { listener: listener.name.clone(), address: address.clone(), source };
        let socket = bind_first(&listener.host, listener.port, backlog).map_err(refused)?;
        bound.push((listener.name.clone(), socket));
    }
    let (clock, disk) = (Arc::new(SystemClock::new()), Arc::new(RealDisk));
    let broker = start::start_in(config, clock, disk, Office::DurableSoonIfNew)?;
    broker.set_log_levels(log_levels::of_the_process().clone());
    start::report(&broker);
    let server = Server::new(broker.clone());
    // From its first answer on a broker stops cleanly when it is told to; before, there is nothing to lose.
    let orders = Orders::listen();
    let mut addresses = Vec::new();
    for (name, socket) in bound {
        let address = socket.local_addr().map_err(RunError::Runtime)?;
        server.accept_on(&name, socket);
        addresses.push((name, address));
    }
    // Nobody waits for what goes on beside requests.
    let housekeeping = Housekeeping::start(&broker).map_err(RunError::Runtime)?;
    ready(Ready { cluster_id: broker.cluster_id().to_string(), listeners: addresses });
    wait_for(orders).await;
    stop(server, broker, housekeeping).await;
    Ok(())
}

fn bind_first(host: &str, port: u16, backlog: i32) -> io::Result<tokio::net::TcpListener> {
    if host.is_empty() {
        let any = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port));
        let any4 = SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port));
        // Where there is no IPv6 the IPv4 wildcard serves.
        return super::listener::bind(any, backlog).or_else(|e| match e.kind() {
            io::ErrorKind::AddrInUse => Err(e),
            _ => super::listener::bind(any4, backlog),
        });
    }
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match super::listener::bind(address, backlog) {
            Ok(listener) => return Ok(listener),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// The signals that end the process.
struct Orders {
    term: Signal,
    int: Signal,
}

impl Orders {
    fn listen() -> io::Result<Orders> {
        Ok(Orders { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }
}

async fn wait_for(orders: io::Result<Orders>) {
    let Ok(Orders { mut term, mut int }) = orders else {
        warn!("Cannot listen for signals; only SIGKILL will stop the broker");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => info!("Stopping on SIGTERM"),
        _ = int.recv() => info!("Stopping on SIGINT; once more stops at once"),
    }
    tokio::spawn(async move {
        int.recv().await;
        // Nothing is lost: what was acknowledged is on disk, and the next start recovers.
        std::process::exit(130);
    });
}

async fn stop(server: Server, broker: Arc<Broker>, housekeeping: Housekeeping) {
    server.stop();
    if tokio::time::timeout(DRAIN_MAX, server.drained()).await.is_err() {
        warn!("Some connections did not end in {} s and are cut off", DRAIN_MAX.as_secs());
    }
    let closing = tokio::task::spawn_blocking(move || {
        housekeeping.stop();
        broker.stop();
    });
    if let Err(e) = closing.await {
        tracing::error!("The stop did not end well: {e}");
    }
}
