//! May they? Kafka's StandardAuthorizer: deny before allow, literal and prefixed names, super users, and a rule for
//! resources that no entry speaks of.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::acl::{Acl, Operation, PatternType, ResourceType, WILDCARD};
use super::principal::Principal;

/// An immutable set of entries with the settings around them.
#[derive(Default)]
pub struct Authorizer {
    /// Off: everything is allowed, and ACL requests answer SECURITY_DISABLED.
    enabled: bool,
    super_users: HashSet<String>,
    allow_if_none_found: bool,
    literal: HashMap<(ResourceType, String), Vec<Acl>>,
    /// Prefixed entries by type and prefix; a name's prefixes are looked up one by one.
    prefixed: BTreeMap<(ResourceType, String), Vec<Acl>>,
}

impl Authorizer {
    /// Everyone may do everything.
    pub fn disabled() -> Self {
        Authorizer::default()
    }

    pub fn new(super_users: HashSet<String>, allow_if_none_found: bool, acls: impl IntoIterator<Item = Acl>) -> Self {
        let mut authorizer = Authorizer { enabled: true, super_users, allow_if_none_found, ..Authorizer::default() };
        for acl in acls {
            let key = (acl.resource_type, acl.name.clone());
            match acl.pattern_type {
                PatternType::Literal => authorizer.literal.entry(key).or_default().push(acl),
                PatternType::Prefixed => authorizer.prefixed.entry(key).or_default().push(acl),
            }
        }
        authorizer
    }

    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether the principal, coming from the address, may do this to that.
    pub fn allows(
        &self,
        principal: &Principal,
        host: &str,
        operation: Operation,
        resource: ResourceType,
        name: &str,
    ) -> bool {
        if !self.enabled {
            return true;
        }
        let who = principal.to_string();
        if self.super_users.contains(&who) {
            return true;
        }
        let mut found_any = false;
        let mut allowed = false;
        for acl in self.speaking_of(resource, name) {
            found_any = true;
            if !applies_to(acl, principal, &who, host) {
                continue;
            }
            let exact = acl.operation == operation || acl.operation == Operation::All;
            if !acl.allows && exact {
                return false;
            }
            allowed |= acl.allows && (exact || acl.operation.implies(operation));
        }
        allowed || (!found_any && self.allow_if_none_found)
    }

    /// Whether there is any resource of this type on which the principal may do this.
    pub fn allows_somewhere(
        &self,
        principal: &Principal,
        host: &str,
        operation: Operation,
        resource: ResourceType,
    ) -> bool {
        if !self.enabled || self.super_users.contains(&principal.to_string()) {
            return true;
        }
        let who = principal.to_string();
        let of_type = || {
            let prefixed = self.prefixed.iter().filter(|((t, _), _)| *t == resource).flat_map(|(_, acls)| acls);
            let literal = self.literal.iter().filter(|((t, _), _)| *t == resource).flat_map(|(_, acls)| acls);
            literal.chain(prefixed).filter(|acl| applies_to(acl, principal, &who, host))
        };
        let exact = |acl: &Acl| acl.operation == operation || acl.operation == Operation::All;
        if of_type().any(|acl| !acl.allows && exact(acl) && acl.name == WILDCARD && is_literal(acl)) {
            return false;
        }
        let denied = |name: &str, literal: bool| {
            of_type().any(|deny| {
                let covers = match deny.pattern_type {
                    PatternType::Literal => literal && deny.name == name,
                    PatternType::Prefixed => name.starts_with(&deny.name),
                };
                !deny.allows && exact(deny) && covers
            })
        };
        let granted = of_type().any(|acl| {
            acl.allows
                && (exact(acl) || acl.operation.implies(operation))
                && (acl.name == WILDCARD && is_literal(acl) || !denied(&acl.name, is_literal(acl)))
        });
        granted || self.allow_if_none_found
    }

    /// The bits of the operations that are allowed, as `authorized operations` fields hold them.
    pub fn operations_of(&self, principal: &Principal, host: &str, resource: ResourceType, name: &str) -> i32 {
        resource
            .operations()
            .iter()
            .filter(|op| self.allows(principal, host, **op, resource, name))
            .fold(0, |bits, op| bits | 1 << (*op as i32))
    }

    fn speaking_of(&self, resource: ResourceType, name: &str) -> impl Iterator<Item = &Acl> {
        let literal = self.literal.get(&(resource, name.to_string()));
        let wildcard = if name == WILDCARD { None } else { self.literal.get(&(resource, WILDCARD.to_string())) };
        let ends = name.char_indices().map(|(at, _)| at).chain(std::iter::once(name.len()));
        let prefixes: Vec<&Vec<Acl>> = if self.prefixed.is_empty() {
            Vec::new()
        } else {
            ends.filter_map(|end| self.prefixed.get(&(resource, name[..end].to_string()))).collect()
        };
        literal.into_iter().chain(wildcard).chain(prefixes).flatten()
    }
}

fn is_literal(acl: &Acl) -> bool {
    acl.pattern_type == PatternType::Literal
}

fn applies_to(acl: &Acl, principal: &Principal, who: &str, host: &str) -> bool {
    let anyone = acl.principal.strip_suffix(":*").is_some_and(|kind| kind == principal.kind);
    (anyone || acl.principal == who) && (acl.host == WILDCARD || acl.host == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(pattern_type: PatternType, name: &str, principal: &str, operation: Operation, allows: bool) -> Acl {
        Acl {
            resource_type: ResourceType::Topic,
            pattern_type,
            name: name.into(),
            principal: principal.into(),
            host: WILDCARD.into(),
            operation,
            allows,
        }
    }

    fn may(authorizer: &Authorizer, who: &str, operation: Operation, topic: &str) -> bool {
        authorizer.allows(&Principal::user(who), "127.0.0.1", operation, ResourceType::Topic, topic)
    }

    use Operation::*;
    use PatternType::*;

    #[test]
    fn deny_wins_over_allow() {
        let a = Authorizer::new(
            HashSet::new(),
            false,
            [acl(Literal, "t", "User:*", All, true), acl(Prefixed, "t", "User:eve", Read, false)],
        );
        assert!(may(&a, "bob", Read, "t"));
        assert!(!may(&a, "eve", Read, "t"));
        assert!(may(&a, "eve", Write, "t"));
    }

    #[test]
    fn reading_implies_describing_but_denying_it_does_not_deny_describing() {
        let a = Authorizer::new(HashSet::new(), false, [acl(Literal, "t", "User:bob", Read, true)]);
        assert!(may(&a, "bob", Describe, "t"));
        assert!(!may(&a, "bob", Write, "t"));
    }

    #[test]
    fn a_resource_nobody_speaks_of_follows_the_setting() {
        let acls = || [acl(Literal, "t", "User:bob", Read, true)];
        assert!(!may(&Authorizer::new(HashSet::new(), false, acls()), "eve", Read, "other"));
        let open = Authorizer::new(HashSet::new(), true, acls());
        assert!(may(&open, "eve", Read, "other"));
        assert!(!may(&open, "eve", Read, "t"));
    }

    #[test]
    fn prefixes_and_wildcards_match() {
        let a = Authorizer::new(
            HashSet::new(),
            false,
            [acl(Prefixed, "log-", "User:bob", Write, true), acl(Literal, "*", "User:ann", Read, true)],
        );
        assert!(may(&a, "bob", Write, "log-1"));
        assert!(!may(&a, "bob", Write, "lo"));
        assert!(may(&a, "ann", Read, "anything"));
    }

    #[test]
    fn super_users_may_everything() {
        let a = Authorizer::new(HashSet::from(["User:root".into()]), false, []);
        assert!(may(&a, "root", Delete, "t"));
        assert!(!may(&a, "bob", Delete, "t"));
    }

    #[test]
    fn somewhere_means_at_least_one_resource_not_denied() {
        let bob = Principal::user("bob");
        let ask = |a: &Authorizer| a.allows_somewhere(&bob, "h", Write, ResourceType::Topic);
        let granted = acl(Literal, "t", "User:bob", Write, true);
        assert!(ask(&Authorizer::new(HashSet::new(), false, [granted.clone()])));
        let denied = acl(Prefixed, "t", "User:bob", Write, false);
        assert!(!ask(&Authorizer::new(HashSet::new(), false, [granted, denied])));
        assert!(!ask(&Authorizer::new(HashSet::new(), false, [])));
    }
}
