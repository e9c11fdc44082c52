//! Listeners and connections.

mod connection;
mod descriptors;
mod listener;
mod run;
mod send;
mod throttle;
mod transport;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::broker::Broker;

use listener::OpenConnections;

pub use run::{Ready, RunError, run};

/// The open listeners of a broker. Dropping it closes them.
pub struct Server {
    stop: watch::Sender<bool>,
    open: Arc<OpenConnections>,
    broker: Arc<Broker>,
}

impl Server {
    pub fn new(broker: Arc<Broker>) -> Self {
        Server { stop: watch::channel(false).0, open: Arc::default(), broker }
    }

    /// Binds a listener and accepts on it from now on; returns the address it got.
    pub fn listen(&self, name: &str, address: SocketAddr, backlog: i32) -> io::Result<SocketAddr> {
        let socket = listener::bind(address, backlog)?;
        let bound = socket.local_addr()?;
        self.accept_on(name, socket);
        Ok(bound)
    }

    fn accept_on(&self, name: &str, socket: tokio::net::TcpListener) {
        let stop = self.stop.subscribe();
        tokio::spawn(listener::accept(socket, name.to_string(), self.broker.clone(), self.open.clone(), stop));
    }

    /// Until no connection is open.
    pub async fn drained(&self) {
        while !self.open.is_empty() {
            self.open.changed().await;
        }
    }

    /// Takes no more connections and requests; answers in flight still go out.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }
}
