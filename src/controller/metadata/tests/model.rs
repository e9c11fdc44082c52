//! Random administration against a model of a few maps, with a restart from the log or from a snapshot now and then.

use std::collections::BTreeMap;

use super::text;
use crate::controller::machine::Machine;
use crate::controller::metadata::testing::Driver;
use crate::controller::metadata::*;
use crate::wire::messages::create_partitions_request::CreatePartitionsTopic;
use crate::wire::messages::create_topics_request::CreatableTopic;
use crate::wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use crate::wire::messages::*;

/// Partitions and retention of each topic.
type Model = BTreeMap<String, (i32, Option<String>)>;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

fn step(random: &mut Random, driver: &mut Driver, model: &mut Model) {
    let name = format!("t{}", random.below(12));
    match random.below(6) {
        0 | 1 => {
            let partitions = random.below(4) as i32;
            let topic = CreatableTopic::default()
                .with_name(text(&name).into())
                .with_num_partitions(partitions)
                .with_replication_factor(1);
            driver.ask(Request::CreateTopics(CreateTopicsRequest::default().with_topics(vec![topic])));
            if partitions > 0 {
                model.entry(name).or_insert((partitions, None));
            }
        }
        2 => {
            let names = vec![text(&name).into()];
            driver.ask(Request::DeleteTopics(DeleteTopicsRequest::default().with_topic_names(names)));
            model.remove(&name);
        }
        3 => {
            let count = random.below(8) as i32;
            let topic =
                CreatePartitionsTopic::default().with_name(text(&name).into()).with_count(count).with_assignments(None);
            driver.ask(Request::CreatePartitions(CreatePartitionsRequest::default().with_topics(vec![topic])));
            if let Some((partitions, _)) = model.get_mut(&name) {
                *partitions = (*partitions).max(count);
            }
        }
        _ => {
            let value = (random.below(3) > 0).then(|| random.below(100).to_string());
            let config = AlterableConfig::default()
                .with_name(text("retention.ms"))
                .with_config_operation(i8::from(value.is_none()))
                .with_value(value.as_deref().map(text));
            let resource = AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text(&name))
                .with_configs(vec![config]);
            let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
            driver.ask(Request::IncrementalAlterConfigs(request));
            if let Some((_, retention)) = model.get_mut(&name) {
                *retention = value;
            }
        }
    }
}

fn seen(driver: &Driver) -> Model {
    let topic = |topic: &std::sync::Arc<TopicImage>| {
        let retention = driver.image().configs.value(&ConfigResource::topic(&*topic.name), "retention.ms");
        (topic.name.to_string(), (topic.partition_count(), retention.map(str::to_owned)))
    };
    driver.image().topics.iter().map(topic).collect()
}

#[test]
fn random_administration_does_what_a_few_maps_do_and_replays_the_same() {
    for seed in 0..40u64 {
        let (mut random, mut driver, mut model) = (Random(seed), Driver::new(), Model::new());
        for n in 0..150 {
            step(&mut random, &mut driver, &mut model);
            assert_eq!(seen(&driver), model, "seed {seed} step {n}");
            if n % 50 == 49 {
                let mut replayed = Driver::empty();
                replayed.persist(driver.log.clone());
                assert_eq!(replayed.image(), driver.image(), "seed {seed} step {n}, from the log");
                let mut records = Vec::new();
                driver.image().for_each_record(|record| records.push(record));
                let mut snapshot = Driver::empty();
                for record in &records {
                    snapshot.machine.apply(driver.now, record);
                }
                assert_eq!(seen(&snapshot), model, "seed {seed} step {n}, from a snapshot");
            }
        }
    }
}
