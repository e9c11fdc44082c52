//! What a handler knows besides the request's body: who asks, by which listener, with which header.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::broker::Broker;
use crate::security::{Operation, Principal, ResourceType};
use crate::wire::header::RequestHeader;

/// The other end of a connection. A byte stream plus a principal is all that the rest of the broker sees of it.
#[derive(Debug)]
pub struct Peer {
    /// Name of the listener that accepted the connection.
    pub listener: String,
    /// Whether that is a listener of the controller, which serves fewer APIs.
    pub at_controller: bool,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The client's address as Kafka shows it in group members: `/127.0.0.1`.
    pub host: Arc<str>,
    pub principal: Principal,
}

impl Peer {
    /// The client's address, as access control compares it.
    pub fn address(&self) -> String {
        self.remote.ip().to_string()
    }
}

/// One request on its way through a handler.
#[derive(Clone)]
pub struct Context {
    pub broker: Arc<Broker>,
    pub peer: Arc<Peer>,
    pub header: RequestHeader,
}

impl Context {
    pub fn version(&self) -> i16 {
        self.header.version
    }

    /// Whether the client may do this to that.
    pub fn allows(&self, operation: Operation, resource: ResourceType, name: &str) -> bool {
        let authorizer = self.broker.authorizer();
        !authorizer.is_enabled()
            || authorizer.allows(&self.peer.principal, &self.peer.address(), operation, resource, name)
    }

    /// Whether there is anything of this type to which the client may do this.
    pub fn allows_somewhere(&self, operation: Operation, resource: ResourceType) -> bool {
        self.broker.authorizer().allows_somewhere(&self.peer.principal, &self.peer.address(), operation, resource)
    }

    /// The bits of what the client may do to that, as `authorized operations` fields hold them.
    pub fn operations_on(&self, resource: ResourceType, name: &str) -> i32 {
        self.broker.authorizer().operations_of(&self.peer.principal, &self.peer.address(), resource, name)
    }

    /// The client id, empty when there is none.
    pub fn client_id(&self) -> &str {
        self.header.client_id.as_deref().unwrap_or("")
    }
}
