//! DeleteTopics, by name and by id.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::wire_name;
use crate::controller::metadata::event::{ApiError, Caller, Deed};
use crate::controller::metadata::machine::MetadataMachine;
use crate::controller::records::{MetadataRecord, RemoveTopic};
use crate::model::{ErrorCode, TopicId, TopicName};
use crate::wire::messages::delete_topics_response::DeletableTopicResult;
use crate::wire::messages::{DeleteTopicsRequest, DeleteTopicsResponse};

/// Answers every topic by itself.
pub(crate) fn delete(
    machine: &MetadataMachine,
    caller: &dyn Caller,
    request: DeleteTopicsRequest,
    records: &mut Vec<MetadataRecord>,
) -> DeleteTopicsResponse {
    let mut deletion = Deletion { machine, caller, responses: Vec::new() };
    let (names, ids) = deletion.asked_for(&request);
    if !machine.settings.delete_topics {
        return deletion.disabled(&request);
    }
    let topics = deletion.resolve(names, ids);
    for (id, name) in topics {
        let error = deletion.remove(id, records).err();
        deletion.answer(Some(&name), id.0, error);
    }
    DeleteTopicsResponse::default().with_responses(deletion.responses)
}

struct Deletion<'a> {
    machine: &'a MetadataMachine,
    caller: &'a dyn Caller,
    responses: Vec<DeletableTopicResult>,
}

impl Deletion<'_> {
    fn answer(&mut self, name: Option<&str>, id: Uuid, error: Option<ApiError>) {
        let (code, message) = match &error {
            Some(error) => (error.code, error.wire_message()),
            None => (ErrorCode::None, None),
        };
        self.responses.push(
            DeletableTopicResult::default()
                .with_name(name.map(wire_name))
                .with_topic_id(id)
                .with_error_code(code.code())
                .with_error_message(message),
        );
    }

    fn disabled(mut self, request: &DeleteTopicsRequest) -> DeleteTopicsResponse {
        self.responses.clear();
        let error = ApiError::new(ErrorCode::TopicDeletionDisabled, "Topic deletion is disabled.");
        for name in &request.topic_names {
            self.answer(Some(name), Uuid::nil(), Some(error.clone()));
        }
        for topic in &request.topics {
            self.answer(topic.name.as_ref().map(|name| &***name), topic.topic_id, Some(error.clone()));
        }
        DeleteTopicsResponse::default().with_responses(self.responses)
    }

    /// The names and ids that were given once each; others are answered here.
    fn asked_for<'r>(&mut self, request: &'r DeleteTopicsRequest) -> (Vec<&'r str>, Vec<Uuid>) {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let mut ids: BTreeMap<Uuid, usize> = BTreeMap::new();
        for name in &request.topic_names {
            *names.entry(name).or_default() += 1;
        }
        for topic in &request.topics {
            match (&topic.name, topic.topic_id.is_nil()) {
                (Some(name), true) => *names.entry(name).or_default() += 1,
                (None, false) => *ids.entry(topic.topic_id).or_default() += 1,
                (Some(name), false) => {
                    let error = invalid("You may not specify both topic name and topic id.");
                    self.answer(Some(name), topic.topic_id, Some(error));
                }
                (None, true) => {
                    self.answer(None, Uuid::nil(), Some(invalid("Neither topic name nor id were specified.")));
                }
            }
        }
        for (name, _) in names.iter().filter(|(_, count)| **count > 1) {
            self.answer(Some(name), Uuid::nil(), Some(invalid("Duplicate topic name.")));
        }
        for (id, _) in ids.iter().filter(|(_, count)| **count > 1) {
            self.answer(None, *id, Some(invalid("Duplicate topic id.")));
        }
        let once = |count: &usize| *count == 1;
        (
            names.into_iter().filter(|(_, count)| once(count)).map(|(name, _)| name).collect(),
            ids.into_iter().filter(|(_, count)| once(count)).map(|(id, _)| id).collect(),
        )
    }

    /// The topics that are there and that the caller may delete. A caller who may not even see a topic is not told
    /// whether it exists.
    fn resolve(&mut self, names: Vec<&str>, ids: Vec<Uuid>) -> Vec<(TopicId, TopicName)> {
        let anywhere = self.caller.may_everywhere(Deed::Delete);
        let caller = self.caller;
        let may = |deed: Deed, name: &str| anywhere || caller.may(deed, name);
        let denied = || Some(ApiError::usual(ErrorCode::TopicAuthorizationFailed));
        let image = self.machine.image();
        let mut found: HashMap<TopicId, TopicName> = HashMap::new();
        let mut order = Vec::new();
        for id in ids {
            match image.topics.by_id(TopicId(id)) {
                None => self.answer(None, id, Some(ApiError::usual(ErrorCode::UnknownTopicId))),
                Some(topic) if may(Deed::Delete, &topic.name) => {
                    found.insert(topic.id, topic.name.clone());
                    order.push(topic.id);
                }
                Some(topic) => {
                    let shown = may(Deed::Describe, &topic.name).then_some(&*topic.name);
                    self.answer(shown, id, denied());
                }
            }
        }
        for name in names {
            match image.topics.by_name(name) {
                _ if !may(Deed::Describe, name) => self.answer(Some(name), Uuid::nil(), denied()),
                None => self.answer(Some(name), Uuid::nil(), Some(ApiError::usual(ErrorCode::UnknownTopicOrPartition))),
                Some(_) if !may(Deed::Delete, name) => self.answer(Some(name), Uuid::nil(), denied()),
                Some(topic) => {
                    if found.remove(&topic.id).is_some() {
                        let error = invalid("The provided topic name maps to an ID that was already supplied.");
                        self.answer(Some(name), topic.id.0, Some(error));
                    } else {
                        found.insert(topic.id, topic.name.clone());
                        order.push(topic.id);
                    }
                }
            }
        }
        order.into_iter().filter_map(|id| found.remove(&id).map(|name| (id, name))).collect()
    }

    fn remove(&self, id: TopicId, records: &mut Vec<MetadataRecord>) -> Result<(), ApiError> {
        let topic = self.machine.image().topics.by_id(id).ok_or(ApiError::bare(ErrorCode::UnknownTopicId))?;
        self.caller.charge(topic.partition_count())?;
        records.push(RemoveTopic { topic_id: id }.into());
        Ok(())
    }
}

fn invalid(why: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, why)
}
