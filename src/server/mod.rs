//! Listeners and connections.

mod connection;
mod listener;
mod send;
mod transport;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::broker::Broker;

use listener::OpenConnections;

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
        let listener = listener::bind(address, backlog)?;
        let bound = listener.local_addr()?;
        let accepting =
            listener::accept(listener, name.to_string(), self.broker.clone(), self.open.clone(), self.stop.subscribe());
        tokio::spawn(accepting);
        Ok(bound)
    }

    /// Takes no more connections and requests; answers in flight still go out.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }
}
