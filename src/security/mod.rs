//! Who is asking, and may they: principals and the authorizer.

mod acl;
mod authorizer;
mod principal;

pub use acl::{Acl, CLUSTER_NAME, Operation, PatternType, ResourceType, WILDCARD};
pub use authorizer::Authorizer;
pub use principal::Principal;
