//! Asking the metadata machine in a client's name.

use std::sync::Arc;

use crate::controller::metadata::{ApiError, Caller, Deed, Reply, Request, ThrottleMs};
use crate::model::ErrorCode;
use crate::security::{CLUSTER_NAME, Operation, ResourceType};

use super::Context;

/// A client as the machine sees it: with the rights that its principal has on the topics.
struct Client(Context);

impl Caller for Client {
    fn may(&self, deed: Deed, topic: &str) -> bool {
        self.0.allows(operation(deed), ResourceType::Topic, topic)
    }

    fn may_everywhere(&self, deed: Deed) -> bool {
        self.0.allows(operation(deed), ResourceType::Cluster, CLUSTER_NAME)
    }

    fn charge(&self, _partitions: i32) -> Result<(), ThrottleMs> {
        Ok(())
    }
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
        let metadata = self.broker.metadata().clone();
        metadata.ask_as(Arc::new(Client(self.clone())), request).await.map_err(|gone| ApiError::bare(gone.code()))
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

pub(super) use ask;
