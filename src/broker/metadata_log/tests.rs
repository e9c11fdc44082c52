use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Waker};

use parking_lot::Mutex;
use tempfile::TempDir;
use uuid::Uuid;

use super::batches::Batcher;
use super::*;
use crate::clock::ManualClock;
use crate::controller::metadata::{
    Activation, ApiError, ConfigKind, ConfigResource, ConfigRules, EffectiveConfig, MetadataImage, Reply, Request,
    Settings, initial_features,
};
use crate::controller::records::{MetadataRecord, NoOp};
use crate::disk::real::RealDisk;
use crate::disk::{SimDisk, Together};
use crate::model::{LeaderEpoch, NodeId};
use crate::records::{Voter, VoterEndpoint};
use crate::wire::messages::create_topics_request::CreatableTopic;
use crate::wire::messages::update_features_request::FeatureUpdateKey;
use crate::wire::messages::*;

const NODE: i32 = 1;
const DIRECTORY: Uuid = Uuid::from_u128(0xd1);
const LOG: &str = "__cluster_metadata-0/00000000000000000000.log";

/// Takes every config.
struct AnyConfig;

impl ConfigRules for AnyConfig {
    fn validate(
        &self,
        _resource: &ConfigResource,
        _values: &BTreeMap<String, String>,
        _before: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    fn is_list(&self, _kind: ConfigKind, _key: &str) -> bool {
        false
    }

    fn default_value(&self, _kind: ConfigKind, _key: &str) -> Option<String> {
        None
    }

    fn topic_configs(&self, _image: &MetadataImage, _own: &BTreeMap<String, String>) -> Vec<EffectiveConfig> {
        Vec::new()
    }
}

fn opening(dir: &Path) -> Opening {
    Opening {
        disk: Arc::new(RealDisk),
        log_dir: dir.to_owned(),
        settings: Settings {
            node_id: NODE,
            default_partitions: 1,
            default_replication_factor: 1,
            delete_topics: true,
            min_insync_replicas: 1,
            voter: None,
            rules: Arc::new(AnyConfig),
            derive_scram_keys: |_, _| None,
        },
        snapshot_after_bytes: u64::MAX,
    }
}

fn activation() -> Activation {
    Activation {
        bootstrap: Vec::new(),
        incarnation_id: Uuid::from_u128(7),
        endpoints: Vec::new(),
        controller_endpoints: Vec::new(),
        rack: None,
        log_dirs: vec![DIRECTORY],
    }
}

fn fresh() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let records = initial_features().into_iter().map(MetadataRecord::from).collect();
    write_format(dir.path(), &Formatting { records, voter: None, now_ms: 5 });
    dir
}

fn write_format(dir: &Path, formatting: &Formatting) {
    let mut together = Together::new(Arc::new(RealDisk));
    format(&mut together, dir, formatting).unwrap();
    together.commit().unwrap();
}

fn start(dir: &Path) -> Metadata {
    start_with(opening(dir))
}

fn start_with(opening: Opening) -> Metadata {
    opening
        .load()
        .unwrap()
        .start(Arc::new(ManualClock::at(1_000)), activation(), Together::new(Arc::new(RealDisk)), Office::Durable)
        .unwrap()
}

async fn create(metadata: &Metadata, name: &str, partitions: i32) -> i16 {
    let topic = CreatableTopic::default()
        .with_name(StrBytes::from_string(name.to_owned()).into())
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    match metadata.ask(Request::CreateTopics(request)).await {
        Ok(Reply::CreateTopics(reply)) => reply.topics[0].error_code,
        other => panic!("{other:?}"),
    }
}

fn names(image: &MetadataImage) -> Vec<String> {
    image.topics.iter().map(|topic| topic.name.to_string()).collect()
}

/// Every file below a folder with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    found
}

/// A copy of what an Apache Kafka 4.3.1 node left behind at a clean stop.
fn real_node() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kafka-4.3-metadata/log-dir");
    std::fs::create_dir(dir.path().join(FOLDER)).unwrap();
    for (path, bytes) in files(&from) {
        std::fs::write(dir.path().join(path.strip_prefix(&from).unwrap()), bytes).unwrap();
    }
    dir
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let dir = fresh();
    let metadata = start(dir.path());
    assert_eq!(create(&metadata, "a", 3).await, 0);
    assert_eq!(create(&metadata, "a", 3).await, 36);
    let before = metadata.image();
    assert_eq!((before.metadata_version(), metadata.leader_epoch()), (30, 1));
    // No clean stop: the next life reads what is there.
    let again = start(dir.path());
    assert_eq!(again.image().topics, before.topics);
    assert_eq!(again.leader_epoch(), 2);
    assert!(again.image().cluster.brokers[&NODE].epoch > before.cluster.brokers[&NODE].epoch);
    metadata.stop();
    assert_eq!(metadata.ask(Request::AllocateProducerIds).await, Err(Gone));
}

#[tokio::test]
async fn changes_are_told_before_they_are_answered() {
    let dir = fresh();
    let metadata = start(dir.path());
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    metadata.watch(Box::new(move |before, now| sink.lock().push((names(before), names(now)))));
    create(&metadata, "a", 1).await;
    assert_eq!(*told.lock(), [(vec![], vec!["a".to_string()])]);
    create(&metadata, "a", 1).await;
    assert_eq!(told.lock().len(), 1, "a refusal changes nothing");
}

#[tokio::test]
async fn a_real_nodes_directory_is_taken_over() {
    let dir = real_node();
    let loaded = opening(dir.path()).load().unwrap();
    assert_eq!(names(loaded.image()), ["orders"]);
    let before = files(dir.path());
    drop(loaded);
    assert_eq!(files(dir.path()), before, "loading changes nothing");
    let metadata = start(dir.path());
    assert_eq!(metadata.leader_epoch(), 2);
    let orders = metadata.image().topics.by_name("orders").unwrap().clone();
    assert!(orders.partitions().iter().all(|partition| partition.leader == NODE));
    create(&metadata, "new", 1).await;
    metadata.stop();
    assert_eq!(names(opening(dir.path()).load().unwrap().image()), ["new", "orders"]);
    let state = std::fs::read_to_string(dir.path().join(FOLDER).join("quorum-state")).unwrap();
    assert!(state.contains("\"leaderEpoch\":2") && state.contains("\"data_version\":0"), "{state}");
    let epochs = std::fs::read_to_string(dir.path().join(FOLDER).join("leader-epoch-checkpoint")).unwrap();
    assert_eq!(epochs, "0\n2\n1 0\n2 56\n");
}

#[tokio::test]
async fn a_write_cut_anywhere_takes_back_only_itself() {
    let dir = fresh();
    let metadata = start(dir.path());
    create(&metadata, "kept", 1).await;
    let log = dir.path().join(LOG);
    let whole = std::fs::read(&log).unwrap().len();
    create(&metadata, "cut", 1).await;
    metadata.stop();
    let bytes = std::fs::read(&log).unwrap();
    for end in (whole..bytes.len()).step_by(7) {
        let mut torn = bytes[..end].to_vec();
        std::fs::write(&log, &torn).unwrap();
        assert_eq!(names(opening(dir.path()).load().unwrap().image()), ["kept"], "cut at {end}");
        // The file system may have grown the file and not written it.
        torn.resize(bytes.len() + 100, 0);
        std::fs::write(&log, &torn).unwrap();
        assert_eq!(names(opening(dir.path()).load().unwrap().image()), ["kept"], "zeros from {end}");
    }
    // Or its end only was written. The offset's first seven bytes are zeros anyway.
    for missing in (8..bytes.len() - whole).step_by(3) {
        let mut torn = bytes.clone();
        torn[whole..whole + missing].fill(0);
        std::fs::write(&log, &torn).unwrap();
        assert_eq!(names(opening(dir.path()).load().unwrap().image()), ["kept"], "the first {missing} are missing");
    }
    let metadata = start(dir.path());
    create(&metadata, "later", 1).await;
    metadata.stop();
    assert_eq!(names(opening(dir.path()).load().unwrap().image()), ["kept", "later"]);
}

fn refusal(dir: &Path) -> String {
    let before = files(dir);
    let error = opening(dir).load().unwrap_err().to_string();
    assert_eq!(files(dir), before, "a refusal touches nothing");
    error
}

#[test]
fn damage_in_the_middle_is_refused_with_its_place() {
    let dir = real_node();
    let log = dir.path().join(LOG);
    let mut bytes = std::fs::read(&log).unwrap();
    // A byte of the batch that made the topic, at byte 1772 and offset 22.
    bytes[1900] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let error = refusal(dir.path());
    assert!(error.contains("00000000000000000000.log is damaged at byte 1772 (offset 22)"), "{error}");
}

#[test]
fn records_of_the_future_are_refused_with_their_offset() {
    let dir = real_node();
    let log = dir.path().join(LOG);
    let mut bytes = std::fs::read(&log).unwrap();
    let mut batcher = Batcher::new(56, LeaderEpoch(1), 30, 5);
    batcher.push(&NoOp {}.into());
    let batch = batcher.finish().remove(0);
    let mut builder = crate::records::BatchBuilder::new(crate::model::Offset(57)).leader_epoch(LeaderEpoch(1));
    builder.append(5, None, Some(&[1, 29, 0, 0]), &[]);
    bytes.extend(batch);
    bytes.extend(builder.build());
    std::fs::write(&log, bytes).unwrap();
    let error = refusal(dir.path());
    assert!(error.contains("offset 57: unknown record type 29"), "{error}");
}

#[test]
fn a_quorum_of_others_is_refused() {
    let dir = real_node();
    let path = dir.path().join(FOLDER).join("quorum-state");
    let state =
        std::fs::read_to_string(&path).unwrap().replace(r#"[{"voterId":1}]"#, r#"[{"voterId":1},{"voterId":2}]"#);
    std::fs::write(&path, state).unwrap();
    let error = refusal(dir.path());
    assert!(error.contains("the voters [1, 2]") && error.contains("as node 1"), "{error}");
}

#[test]
fn a_log_that_begins_behind_its_snapshots_is_refused() {
    let dir = real_node();
    let folder = dir.path().join(FOLDER);
    std::fs::rename(dir.path().join(LOG), folder.join("00000000000000000010.log")).unwrap();
    let error = refusal(dir.path());
    assert!(error.contains("begins at offset 10 and no snapshot holds what came before"), "{error}");
}

#[tokio::test]
async fn a_long_log_is_replaced_by_a_snapshot() {
    let dir = real_node();
    let mut opening_often = opening(dir.path());
    opening_often.snapshot_after_bytes = 20_000;
    let metadata = start_with(opening_often.clone());
    for n in 0..100 {
        create(&metadata, &format!("t{n}"), 20).await;
    }
    let before = metadata.image();
    metadata.stop();
    let found: Vec<String> =
        files(&dir.path().join(FOLDER)).keys().map(|p| p.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let with = |suffix: &str| found.iter().filter(|name| name.ends_with(suffix)).count();
    assert_eq!((with(".checkpoint"), with(".log"), with(".part")), (1, 1, 0), "{found:?}");
    let loaded = opening_often.load().unwrap();
    assert_eq!(*loaded.image(), *before);
    assert!(std::fs::metadata(dir.path().join(LOG)).is_err());
    // A damaged snapshot is no snapshot.
    let snapshot = found.iter().find(|name| name.ends_with(".checkpoint")).unwrap();
    let path = dir.path().join(FOLDER).join(snapshot);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(refusal(dir.path()).contains(snapshot.as_str()));
    std::fs::write(&path, &bytes[..bytes.len() - 75]).unwrap();
    refusal(dir.path());
}

fn voter(port: u16) -> Voter {
    let endpoint = VoterEndpoint { name: "CONTROLLER".into(), host: "localhost".into(), port };
    Voter {
        id: NodeId(NODE),
        directory_id: DIRECTORY,
        endpoints: vec![endpoint],
        kraft_version_min: 0,
        kraft_version_max: 1,
    }
}

/// As a broker with a controller listener on a port.
fn opening_at(dir: &Path, port: u16) -> Opening {
    let mut opening = opening(dir);
    opening.settings.voter = Some(voter(port));
    opening
}

async fn raise_kraft_version(metadata: &Metadata) -> i16 {
    let update = FeatureUpdateKey::default()
        .with_feature(StrBytes::from_static_str("kraft.version"))
        .with_max_version_level(1)
        .with_upgrade_type(1);
    let request = UpdateFeaturesRequest::default().with_feature_updates(vec![update]);
    match metadata.ask(Request::UpdateFeatures(request, 2)).await {
        Ok(Reply::UpdateFeatures(reply)) => reply.error_code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_quorum_that_names_itself_in_the_log_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let records = initial_features().into_iter().map(MetadataRecord::from).collect();
    write_format(dir.path(), &Formatting { records, voter: Some(voter(9)), now_ms: 5 });
    assert!(!opening(dir.path()).load().unwrap().quorum.is_logged);
    let mut often = opening_at(dir.path(), 9);
    often.snapshot_after_bytes = 1;
    let metadata = start_with(often);
    create(&metadata, "a", 1).await;
    metadata.stop();
    let state = std::fs::read_to_string(dir.path().join(FOLDER).join("quorum-state")).unwrap();
    assert!(state.contains("\"data_version\":1"), "{state}");
    let loaded = opening(dir.path()).load().unwrap();
    assert_eq!((loaded.quorum.kraft_version, loaded.quorum.is_logged), (1, true));
    assert_eq!(names(loaded.image()), ["a"]);
    // The address has changed: the log is to say so, and says so once.
    start_with(opening_at(dir.path(), 10)).stop();
    assert_eq!(opening(dir.path()).load().unwrap().quorum.voters, [voter(10)]);
    let before = opening(dir.path()).load().unwrap().image().next_offset;
    start_with(opening_at(dir.path(), 10)).stop();
    assert_eq!(opening(dir.path()).load().unwrap().image().next_offset, before + 3);
}

#[tokio::test]
async fn a_quorum_can_begin_to_name_itself_in_the_log() {
    let dir = fresh();
    let metadata = start_with(opening_at(dir.path(), 9));
    assert_eq!((metadata.voter_directory(), raise_kraft_version(&metadata).await), (Uuid::nil(), 0));
    assert_eq!(metadata.voter_directory(), DIRECTORY);
    assert_eq!(raise_kraft_version(&metadata).await, 0);
    create(&metadata, "a", 1).await;
    let image = metadata.image();
    metadata.stop();
    let loaded = opening(dir.path()).load().unwrap();
    assert_eq!(*loaded.image(), *image);
    assert_eq!((loaded.quorum.kraft_version, loaded.quorum.voters), (1, vec![voter(9)]));
    // Nothing is written of it again.
    start_with(opening_at(dir.path(), 9)).stop();
    assert_eq!(opening(dir.path()).load().unwrap().image().next_offset, image.next_offset + 3);
}

/// A new node on a simulated disk, which need not be durable before it is there.
fn new_node(sim: &SimDisk) -> Metadata {
    let dir = Path::new("/d");
    let records: Vec<_> = initial_features().into_iter().map(MetadataRecord::from).collect();
    let activation = Activation { bootstrap: records.clone(), ..activation() };
    let mut together = Together::new(sim.shared());
    together.make_dir(dir).unwrap();
    format(&mut together, dir, &Formatting { records, voter: None, now_ms: 5 }).unwrap();
    let loaded = Opening { disk: sim.shared(), ..opening(dir) }.load().unwrap();
    loaded.start(Arc::new(ManualClock::at(1_000)), activation, together, Office::DurableSoonIfNew).unwrap()
}

fn load_again(disk: &SimDisk) -> Vec<String> {
    let loaded = Opening { disk: disk.shared(), ..opening(Path::new("/d")) }.load().unwrap();
    names(loaded.image())
}

#[tokio::test]
async fn a_new_node_is_there_before_it_is_durable_and_acknowledges_nothing_until_then() {
    let sim = SimDisk::new();
    sim.hold_syncs(true);
    let metadata = new_node(&sim);
    assert!(metadata.image().cluster.brokers.contains_key(&NODE));
    sim.wait_for_held_syncs(1);
    let mut asked = Box::pin(create(&metadata, "t", 1));
    assert!(asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(load_again(&sim.crash_image(1)), Vec::<String>::new());
    sim.hold_syncs(false);
    assert_eq!(asked.await, 0);
    assert_eq!(load_again(&sim.crash_image(2)), ["t"]);
    metadata.stop();
}

#[tokio::test]
async fn a_new_node_whose_beginning_cannot_be_made_durable_takes_no_changes() {
    let sim = SimDisk::new();
    sim.fail_next_sync("");
    let metadata = new_node(&sim);
    let (tell, told) = std::sync::mpsc::channel();
    metadata.on_loss(Box::new(move |e| tell.send(e.to_string()).unwrap()));
    told.recv().unwrap();
    assert!(metadata.is_lost());
    let topic = CreatableTopic::default().with_name(StrBytes::from_static_str("t").into());
    let asked = metadata.ask(Request::CreateTopics(CreateTopicsRequest::default().with_topics(vec![topic])));
    assert!(asked.await.is_err());
    metadata.stop();
}
