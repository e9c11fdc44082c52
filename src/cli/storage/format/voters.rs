//! The voters that a new directory's metadata log names: none, or this node.

use crate::cli::args::Format;
use crate::config::BrokerConfig;
use crate::model::TopicId;
use crate::records::VoterEndpoint;

/// Where the voters of a new cluster stand.
#[derive(Debug, Default)]
pub struct Voters {
    /// They are not configured, so that it is for the log to name them.
    pub in_log: bool,
    /// Where this node listens, when it is named.
    pub endpoint: Option<VoterEndpoint>,
    /// Its directory's id, when that was given.
    pub directory: Option<TopicId>,
}

/// One voter as the command line names it.
struct Named {
    id: i32,
    host: String,
    port: u16,
    directory: TopicId,
}

pub fn voters(format: &Format, config: &BrokerConfig) -> Result<Voters, String> {
    let configured = !config.values.list("controller.quorum.voters").is_empty();
    if configured && (format.standalone || format.initial_controllers.is_some()) {
        return Err("You cannot specify controller.quorum.voters and format the node with --initial-controllers or \
                    --standalone. If you want to use dynamic quorum, please remove controller.quorum.voters and \
                    specify controller.quorum.bootstrap.servers instead."
            .into());
    }
    let listener = config.listeners.controller.first();
    // Without a listener for controllers there is no address to name, and nothing to be asked about it.
    let in_log = !configured && listener.is_some();
    if let Some(text) = &format.initial_controllers {
        let name = listener.map_or("CONTROLLER".to_string(), |listener| listener.name.clone());
        let Named { host, port, directory, .. } = this_node(text, config)?;
        return Ok(Voters { in_log, endpoint: Some(VoterEndpoint { name, host, port }), directory: Some(directory) });
    }
    if format.standalone {
        let listener = listener.ok_or("No controller listeners found.")?;
        let host = if listener.host.is_empty() { "localhost".to_string() } else { listener.host.clone() };
        let endpoint = VoterEndpoint { name: listener.name.clone(), host, port: listener.port };
        return Ok(Voters { in_log, endpoint: Some(endpoint), directory: None });
    }
    if in_log && !format.no_initial_controllers {
        return Err("Because controller.quorum.voters is not set on this controller, you must specify one of the \
                    following: --standalone, --initial-controllers, or --no-initial-controllers."
            .into());
    }
    Ok(Voters { in_log, ..Voters::default() })
}

/// The one voter of a list, which must be this node.
fn this_node(text: &str, config: &BrokerConfig) -> Result<Named, String> {
    let mut named: Vec<Named> = Vec::new();
    for text in text.trim().split(',').filter(|text| !text.is_empty()) {
        let voter = parse(text.trim())?;
        if named.iter().any(|other| other.id == voter.id) {
            return Err(format!("Node id {} was specified more than once.", voter.id));
        }
        named.push(voter);
    }
    if named.len() > 1 {
        return Err("Ottla is one node and joins no quorum of several voters: name this node only.".into());
    }
    let voter = named.pop().ok_or("No voters given.")?;
    match voter.id == config.node_id.0 {
        true => Ok(voter),
        false => Err(format!("{text} names node {}, and node.id is {}.", voter.id, config.node_id)),
    }
}

/// `ID@HOST:PORT:DIRECTORY`, with Kafka's words for what is wrong.
fn parse(text: &str) -> Result<Named, String> {
    let (id, rest) = text.split_once('@').ok_or("No @ found in dynamic voter string.")?;
    if id.is_empty() {
        return Err("Invalid @ at beginning of dynamic voter string.".into());
    }
    let id: i32 = id.parse().map_err(|_| "Failed to parse node id in dynamic voter string.")?;
    if id < 0 {
        return Err(format!("Invalid negative node id {id} in dynamic voter string."));
    }
    if rest.is_empty() {
        return Err("No hostname found after node id.".into());
    }
    let (host, rest) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            bracketed.split_once(']').ok_or("Hostname began with left bracket, but no right bracket was found.")?
        }
        None => rest.split_at(rest.find(':').ok_or("No colon following hostname could be found.")?),
    };
    let rest = rest.strip_prefix(':').ok_or("Port section must start with a colon.")?;
    let (port, directory) = rest.split_once(':').ok_or("No colon following port could be found.")?;
    let port: i32 = port.parse().map_err(|_| "Failed to parse port in dynamic voter string.")?;
    let port = u16::try_from(port).map_err(|_| format!("Invalid port {port} in dynamic voter string."))?;
    let directory = directory.parse().map_err(|_| "Failed to parse directory ID in dynamic voter string.")?;
    Ok(Named { id, host: host.to_string(), port, directory })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_voter_is_node_address_and_directory() {
        let voter = parse("3@[::1]:9093:JEXY6aqzQY-32P5TStzaFg").unwrap();
        assert_eq!((voter.id, voter.host.as_str(), voter.port), (3, "::1", 9093));
        assert_eq!(voter.directory.to_string(), "JEXY6aqzQY-32P5TStzaFg");
    }

    #[test]
    fn mistakes_are_told_in_kafkas_words() {
        for (text, what) in [
            ("3", "No @ found"),
            ("@a:1:x", "Invalid @ at beginning"),
            ("x@a:1:x", "Failed to parse node id"),
            ("-3@a:1:x", "Invalid negative node id -3"),
            ("3@", "No hostname found after node id."),
            ("3@[a:1:x", "Hostname began with left bracket"),
            ("3@a", "No colon following hostname"),
            ("3@[a]1:x", "Port section must start with a colon."),
            ("3@a:1", "No colon following port"),
            ("3@a:x:y", "Failed to parse port"),
            ("3@a:70000:y", "Invalid port 70000"),
            ("3@a:1:nonsense", "Failed to parse directory ID"),
        ] {
            let told = parse(text).err().unwrap();
            assert!(told.starts_with(what), "{text}: {told}");
        }
    }
}
