//! Asking the metadata machine in a client's name.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::broker::quotas::Client as QuotaClient;
use crate::controller::metadata::{ApiError, Caller, Deed, Reply, Request, ThrottleMs};
use crate::model::ErrorCode;
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::versions::ApiKey;

use super::Context;

/// A client as the machine sees it: with the rights that its principal has on the topics.
struct Client {
    cx: Context,
    /// How long the client has to wait for what it changed, or wanted to.
    owed_ms: AtomicI64,
}

impl Caller for Client {
    fn may(&self, deed: Deed, topic: &str) -> bool {
        self.cx.allows(operation(deed), ResourceType::Topic, topic)
    }

    fn may_everywhere(&self, deed: Deed) -> bool {
        self.cx.allows(operation(deed), ResourceType::Cluster, CLUSTER_NAME)
    }

    fn charge(&self, partitions: i32) -> Result<(), ThrottleMs> {
        let cx = &self.cx;
        if !cx.broker.quotas().watches_clients() {
            return Ok(());
        }
        let client = QuotaClient { user: &cx.peer.principal.name, client_id: cx.client_id() };
        let strict = refuses_from(cx.header.api).is_some_and(|since| cx.version() >= since);
        let now_ms = cx.broker.clock().monotonic_ms();
        let charged = cx.broker.quotas().mutate(client, f64::from(partitions), strict, now_ms);
        let (Ok(owed_ms) | Err(owed_ms)) = charged;
        self.owed_ms.fetch_max(owed_ms, Ordering::Relaxed);
        charged.map(|_| ()).map_err(|ms| ThrottleMs(clamped(ms)))
    }
}

/// From which version on clients know that a change can be refused for now.
fn refuses_from(api: i16) -> Option<i16> {
    match ApiKey::try_from(api) {
        Ok(ApiKey::CreateTopics) => Some(6),
        Ok(ApiKey::DeleteTopics) => Some(5),
        Ok(ApiKey::CreatePartitions) => Some(3),
        _ => None,
    }
}

fn clamped(ms: i64) -> i32 {
    i32::try_from(ms).unwrap_or(i32::MAX)
}

fn operation(deed: Deed) -> Operation {
    match deed {
        Deed::Create => Operation::Create,
        Deed::Delete => Operation::Delete,
        Deed::Alter => Operation::Alter,
        Deed::Describe => Operation::Describe,
        Deed::DescribeConfigs => Operation::DescribeConfigs,
    }
}

impl Context {
    /// Asks for a change of the metadata. An error is for the whole request: the log takes no changes.
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, ApiError> {
        self.ask_charged(request).await.0
    }

    /// The same for what quotas limit: also says how many milliseconds the client has to wait.
    pub(super) async fn ask_charged(&self, request: Request) -> (Result<Reply, ApiError>, i32) {
        let metadata = self.broker.metadata().clone();
        let client = Arc::new(Client { cx: self.clone(), owed_ms: AtomicI64::new(0) });
        let answer = metadata.ask_as(client.clone(), request).await.map_err(|gone| ApiError::bare(gone.code()));
        (answer, clamped(client.owed_ms.load(Ordering::Relaxed)))
    }

    /// Refuses a client that may not do this to the cluster.
    pub(super) fn needs_on_cluster(&self, operation: Operation) -> Result<(), ApiError> {
        match self.allows(operation, ResourceType::Cluster, CLUSTER_NAME) {
            true => Ok(()),
            false => Err(ApiError::usual(ErrorCode::ClusterAuthorizationFailed)),
        }
    }

    /// Refuses what has to do with ACLs where none are kept.
    pub(super) fn needs_authorizer(&self) -> Result<(), ApiError> {
        match self.broker.authorizer().is_enabled() {
            true => Ok(()),
            false => Err(ApiError::new(ErrorCode::SecurityDisabled, "No Authorizer is configured.")),
        }
    }
}

/// `ask!(cx, CreateTopics(request))`: the response of that kind, or an error for the whole request.
macro_rules! ask {
    ($cx:expr, $kind:ident($($request:expr),*)) => {
        match $cx.ask(crate::controller::metadata::Request::$kind($($request),*)).await {
            Ok(crate::controller::metadata::Reply::$kind(response)) => Ok(response),
            Ok(_) => Err(crate::controller::metadata::ApiError::bare(crate::model::ErrorCode::UnknownServerError)),
            Err(error) => Err(error),
        }
    };
}

/// The same with the milliseconds that the client has to wait.
macro_rules! ask_charged {
    ($cx:expr, $kind:ident($request:expr)) => {{
        let (answer, wait_ms) = $cx.ask_charged(crate::controller::metadata::Request::$kind($request)).await;
        let answer = match answer {
            Ok(crate::controller::metadata::Reply::$kind(response)) => Ok(response),
            Ok(_) => Err(crate::controller::metadata::ApiError::bare(crate::model::ErrorCode::UnknownServerError)),
            Err(error) => Err(error),
        };
        (answer, wait_ms)
    }};
}

pub(super) use {ask, ask_charged};
