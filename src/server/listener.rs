//! Accepting connections, within the limits of `max.connections` and its kin.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tracing::{debug, info, warn};

use crate::api::Peer;
use crate::broker::Broker;
use crate::memory;
use crate::security::Principal;

use super::connection::{Connection, End};
use super::transport::Transport;

/// Pause after an accept that failed for want of descriptors or memory, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that are open now, in all and by address.
#[derive(Default)]
pub(super) struct OpenConnections {
    by_ip: Mutex<HashMap<IpAddr, usize>>,
    one_less: Notify,
}

impl OpenConnections {
    pub(super) fn is_empty(&self) -> bool {
        self.by_ip.lock().is_empty()
    }

    /// Until a connection has ended since the last call.
    pub(super) async fn changed(&self) {
        self.one_less.notified().await;
    }

    /// Counts a connection in; `None` when a limit forbids it.
    fn admit(self: &Arc<Self>, broker: &Broker, ip: IpAddr) -> Option<Admitted> {
        let limits = broker.limits();
        let mut by_ip = self.by_ip.lock();
        let total: usize = by_ip.values().sum();
        let same = by_ip.get(&ip).copied().unwrap_or(0);
        if total >= limits.max_connections || same >= limits.max_connections_per_ip_of(ip) {
            return None;
        }
        *by_ip.entry(ip).or_default() += 1;
        Some(Admitted { open: self.clone(), ip })
    }
}

/// Gives the place back when the connection ends.
struct Admitted {
    open: Arc<OpenConnections>,
    ip: IpAddr,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        memory::note_freed();
        let mut by_ip = self.open.by_ip.lock();
        if let Some(n) = by_ip.get_mut(&self.ip) {
            *n -= 1;
            if *n == 0 {
                by_ip.remove(&self.ip);
            }
        }
        drop(by_ip);
        self.open.one_less.notify_one();
    }
}

/// Binds one listener. `socket.listen.backlog.size` is the queue of connections not yet accepted.
pub(super) fn bind(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog.max(1))?;
    TcpListener::from_std(socket.into())
}

/// Accepts until the broker stops.
pub(super) async fn accept(
    listener: TcpListener,
    name: String,
    broker: Arc<Broker>,
    open: Arc<OpenConnections>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        match accepted {
            Ok((stream, remote)) => match open.admit(&broker, remote.ip()) {
                Some(place) => {
                    let now_ms = broker.clock().monotonic_ms();
                    let pause_ms = broker.quotas().accept(broker.limits().connections_per_second_max, now_ms);
                    if pause_ms > 0 {
                        tokio::time::sleep(Duration::from_millis(pause_ms.unsigned_abs())).await;
                    }
                    match broker.quotas().connect(remote.ip(), now_ms) {
                        Ok(()) => spawn(stream, remote, &name, &broker, place, stop.clone()),
                        Err(wait_ms) => turn_away(stream, remote, place, wait_ms, stop.clone()),
                    }
                }
                None => info!(
                    "Refused a connection from {remote}: the limit of connections is reached (max.connections, max.connections.per.ip)"
                ),
            },
            Err(e) => {
                warn!("Cannot accept on {name}: {e}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Closes a connection of an address that makes too many, after a while, so that it does not come back at once.
fn turn_away(stream: TcpStream, remote: SocketAddr, place: Admitted, wait_ms: i64, mut stop: watch::Receiver<bool>) {
    debug!("Closing a connection from {remote} in {wait_ms} ms: its address is above connection_creation_rate");
    tokio::spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())) => {}
            _ = stop.changed() => {}
        }
        drop((stream, place));
    });
}

/// BBR paces what it sends by timers. Over loopback there is nothing to pace for, and it halves the throughput.
#[cfg(target_os = "linux")]
fn unpaced(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    if socket.tcp_congestion().is_ok_and(|name| name.starts_with(b"bbr")) {
        // Where it is not allowed things go on as they were.
        let _ = socket.set_tcp_congestion(b"reno");
    }
}

#[cfg(not(target_os = "linux"))]
fn unpaced(_stream: &TcpStream) {}

fn spawn(
    stream: TcpStream,
    remote: SocketAddr,
    name: &str,
    broker: &Arc<Broker>,
    place: Admitted,
    stop: watch::Receiver<bool>,
) {
    let (Ok(local), Ok(())) = (stream.local_addr(), stream.set_nodelay(true)) else { return };
    if remote.ip().is_loopback() {
        unpaced(&stream);
    }
    let at_controller = broker.config().listeners.is_controller(name);
    let (listener, host) = (name.to_string(), format!("/{}", remote.ip()).into());
    let peer = Peer { listener, at_controller, local, remote, host, principal: Principal::anonymous() };
    let broker = broker.clone();
    let idle = broker.limits().connections_max_idle;
    tokio::spawn(async move {
        let _place = place;
        let connection = Connection::new(broker, peer, Transport::Plain(stream));
        match connection.serve(stop, idle).await {
            End::Quiet => {}
            End::Refused(why) => info!("Closed the connection from {remote}: {why}"),
            End::Io(e) => debug!("Lost the connection from {remote}: {e}"),
        }
    });
}
