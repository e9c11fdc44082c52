//! Settings from the environment, named as Kafka's container image names them: `KAFKA_` before the key in capitals,
//! `_` for a dot, `__` for an underscore, `___` for a dash. `OTTLA_` does the same for Ottla's own keys.

/// Variables with the prefix that are no settings: they speak to scripts, to a JVM or to logging.
const NOT_SETTINGS: &[&str] = &[
    "KAFKA_VERSION",
    "KAFKA_HOME",
    "KAFKA_HEAP_OPTS",
    "KAFKA_LOG4J_OPTS",
    "KAFKA_OPTS",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "KAFKA_JMX_HOSTNAME",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_LOG4J_ROOT_LOGLEVEL",
    "KAFKA_LOG4J_LOGGERS",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    "OTTLA_LOG",
];

/// The key that a variable sets, if it sets one.
pub fn key_of(variable: &str) -> Option<String> {
    if NOT_SETTINGS.contains(&variable) || variable.starts_with("OTTLA_TESTS_") {
        return None;
    }
    let (prefix, rest) = match variable.strip_prefix("KAFKA_") {
        Some(rest) => ("", rest),
        None => ("ottla.", variable.strip_prefix("OTTLA_")?),
    };
    if rest.is_empty() {
        return None;
    }
    // In this order, as the image does it: runs of underscores are read from the left in threes, then in twos.
    let dotted = rest.to_lowercase().replace('_', ".").replace("...", "-").replace("..", "_");
    Some(format!("{prefix}{dotted}"))
}

/// Every setting of an environment as (variable, key, value), in order of variable.
pub fn settings(variables: impl Iterator<Item = (String, String)>) -> Vec<(String, String, String)> {
    let mut found: Vec<_> =
        variables.filter_map(|(variable, value)| key_of(&variable).map(|key| (variable, key, value))).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_keys_as_in_kafkas_image() {
        for (variable, key) in [
            ("KAFKA_NODE_ID", "node.id"),
            ("KAFKA_ADVERTISED_LISTENERS", "advertised.listeners"),
            ("KAFKA_A__B", "a_b"),
            ("KAFKA_LISTENER_NAME_TC___0_SASL_ENABLED_MECHANISMS", "listener.name.tc-0.sasl.enabled.mechanisms"),
            ("OTTLA_ACKS_ALL", "ottla.acks.all"),
        ] {
            assert_eq!(key_of(variable).as_deref(), Some(key), "{variable}");
        }
    }

    #[test]
    fn variables_of_scripts_and_jvm_are_no_settings() {
        for variable in ["KAFKA_OPTS", "KAFKA_HEAP_OPTS", "KAFKA_", "PATH", "CLUSTER_ID", "OTTLA_LOG", "OTTLA_TESTS_X"]
        {
            assert_eq!(key_of(variable), None, "{variable}");
        }
    }
}
