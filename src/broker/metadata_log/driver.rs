//! The task that drives the metadata machine. What has been asked while it was syncing it decides together, writes as
//! one batch, syncs once, publishes and answers.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::batches::Batcher;
use super::error::MetadataLogError;
use super::handle::{Metadata, OnLoss, Watcher};
use super::load::{Loaded, Quorum};
use super::segments::Active;
use super::{quorum, segments, snapshot};
use crate::clock::Clock;
use crate::controller::machine::{Effects, Machine, Now, Ticket};
use crate::controller::metadata::{
    Activation, Event, Everyone, IdSource, MetadataImage, MetadataMachine, QuorumChange, Reply, Request,
};
use crate::controller::records::{BeginTransaction, EndTransaction, MetadataRecord};
use crate::disk::{Disk, Together, fault};
use crate::model::{LeaderEpoch, NodeId};
use crate::records::{ControlRecord, Voter};

/// Events that are decided before one sync.
const EVENTS_PER_SYNC_MAX: usize = 256;

/// Says that the log is lost, unless it is disarmed.
struct Lost(Option<Arc<AtomicBool>>);

impl Lost {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Lost {
    fn drop(&mut self) {
        if let Some(lost) = &self.0 {
            lost.store(true, Ordering::Release);
        }
    }
}

/// What the driver is told.
pub(super) enum Command {
    Ask(Ask),
    Watch(Watcher),
    OnLoss(OnLoss),
    Stop,
}

pub(super) struct Ask {
    pub event: Event,
    pub reply: oneshot::Sender<Reply>,
}

struct Driver {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    machine: MetadataMachine,
    quorum: Quorum,
    /// This node as the quorum's records name it, if they can.
    voter: Option<Voter>,
    epoch: LeaderEpoch,
    active: Active,
    last_record_ms: i64,
    bytes_since_snapshot: u64,
    snapshot_after_bytes: u64,
    published: Arc<ArcSwap<MetadataImage>>,
    watchers: Vec<Watcher>,
    on_loss: Vec<OnLoss>,
    lost: Arc<AtomicBool>,
    /// What is still to be made durable before anything else.
    beginning: Option<Beginning>,
}

/// What taking office changes on the disk: first all that was begun together, then the batches, one by one.
struct Beginning {
    together: Together,
    batches: Vec<Bytes>,
}

/// Whether a node serves before its taking office is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    Durable,
    /// Where there was no metadata before, clients are answered while the first of it is being made durable. Nothing
    /// can be lost with it: whatever is acknowledged rests on a change of the metadata, and each waits for this.
    DurableSoonIfNew,
}

impl Loaded {
    /// Takes office: cuts off what a crash left behind the last good batch, begins a new epoch, registers this node,
    /// and starts the driver. The activation's bootstrap records are those of the directory's own file if it has one.
    /// What was begun `together` is durable before anything else is written.
    pub fn start(
        self,
        clock: Arc<dyn Clock>,
        mut activation: Activation,
        together: Together,
        office: Office,
    ) -> Result<Metadata, MetadataLogError> {
        if !self.bootstrap.is_empty() {
            activation.bootstrap = self.bootstrap.clone();
        }
        let folder = self.folder.clone();
        let at = |e: io::Error| MetadataLogError::io(&folder, e);
        let may_wait = office == Office::DurableSoonIfNew && self.is_new();
        let (mut driver, together) = self.into_driver(clock, together).map_err(at)?;
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(|e| at(io::Error::other(e)))?;
        let batches = driver.activate(activation, IdSource::new(u128::from_ne_bytes(seed)));
        driver.beginning = Some(Beginning { together, batches });
        if !may_wait {
            driver.begin().map_err(at)?;
        }
        driver.publish();
        let (commands, inbox) = mpsc::channel();
        let (image, lost) = (driver.published.clone(), driver.lost.clone());
        let leader_epoch = driver.epoch.0;
        let voter = driver.quorum.voters.first().or(driver.voter.as_ref());
        let voter_directory = voter.map(|voter| voter.directory_id).unwrap_or_default();
        let thread =
            std::thread::Builder::new().name("metadata-log".into()).spawn(move || driver.run(inbox)).map_err(at)?;
        Ok(Metadata { image, lost, commands, thread: Mutex::new(Some(thread)), leader_epoch, voter_directory })
    }

    fn into_driver(self, clock: Arc<dyn Clock>, mut together: Together) -> io::Result<(Driver, Together)> {
        let disk = self.opening.disk.clone();
        let node = self.opening.settings.node_id;
        let epoch = self.epoch + 1;
        together.make_dir(&self.folder)?;
        quorum::write_partition_metadata(&*disk, &mut together, &self.folder)?;
        // The epoch is taken with the first batch that is written in it. A crash that keeps only one of the two is no
        // harm: the next life leads in an epoch above both.
        quorum::write_state(&mut together, &self.folder, node, epoch, self.quorum.kraft_version)?;
        let active = Active::open(disk.clone(), &self.folder, self.active.0, self.active.1)?;
        let mut driver = Driver {
            disk,
            folder: self.folder,
            clock,
            machine: self.machine,
            quorum: self.quorum,
            voter: self.opening.settings.voter.clone(),
            epoch: LeaderEpoch(epoch),
            active,
            last_record_ms: self.last_record_ms,
            bytes_since_snapshot: self.bytes_since_snapshot,
            snapshot_after_bytes: self.opening.snapshot_after_bytes,
            published: Arc::new(ArcSwap::from_pointee(MetadataImage::default())),
            watchers: Vec::new(),
            on_loss: Vec::new(),
            lost: Arc::new(AtomicBool::new(false)),
            beginning: None,
        };
        let mut epochs = self.epochs;
        epochs.push((epoch, driver.machine.image().next_offset));
        quorum::write_epochs(&mut together, &driver.folder, &epochs)?;
        driver.append_leader_change(NodeId(node), &mut together)?;
        Ok((driver, together))
    }
}

impl Driver {
    fn now(&self) -> Now {
        Now { wall_ms: self.clock.now_ms(), monotonic_ms: self.clock.monotonic_ms() }
    }

    fn append_leader_change(&mut self, node: NodeId, together: &mut Together) -> io::Result<()> {
        let next_offset = self.machine.image().next_offset;
        let now = self.now();
        let mut batcher = Batcher::new(next_offset, self.epoch, self.machine.image().metadata_version(), now.wall_ms);
        let (voters, granting_voters) = (vec![node], vec![node]);
        let mut controls = vec![ControlRecord::LeaderChange { leader: node, voters, granting_voters }];
        if let Some(voter) = self.voter_to_log() {
            self.quorum = Quorum { voters: vec![voter], is_logged: true, ..self.quorum };
            controls.extend(self.quorum.records());
        }
        batcher.control(&controls);
        for batch in batcher.finish() {
            self.active.append_together(&batch, together)?;
            self.bytes_since_snapshot += batch.len() as u64;
        }
        self.machine.move_to(next_offset + controls.len() as i64);
        Ok(())
    }

    /// This node, if the log is to name its voters and does not name it yet, or at another address.
    fn voter_to_log(&self) -> Option<Voter> {
        let named = self.quorum.voters.first().filter(|_| self.quorum.kraft_version > 0)?;
        let voter = self.voter.as_ref().filter(|voter| voter.directory_id == named.directory_id)?;
        (!self.quorum.is_logged || voter != named).then(|| voter.clone())
    }

    /// What taking office adds to the log.
    fn activate(&mut self, activation: Activation, ids: IdSource) -> Vec<Bytes> {
        let now = self.now();
        let mut effects = Effects::new();
        self.machine.on_loaded(now, &mut effects);
        let mut records = self.apply_all(now, &mut effects);
        let request = Request::Activate(Box::new(activation));
        self.machine.handle(now, Ticket(0), Event { caller: Arc::new(Everyone), ids, request }, &mut effects);
        records.extend(self.apply_all(now, &mut effects));
        // Not atomic: an activation that was cut off is repeated as a whole by the next start.
        let first = self.machine.image().next_offset - records.len() as i64;
        self.last_record_ms = now.wall_ms;
        self.batches(first, records.iter(), now)
    }

    /// Makes the beginning durable.
    fn begin(&mut self) -> io::Result<()> {
        let Some(Beginning { together, batches }) = self.beginning.take() else { return Ok(()) };
        together.commit()?;
        self.write(batches)
    }

    /// Applies what was decided and hands it over to be persisted.
    fn apply_all(&mut self, now: Now, effects: &mut Effects<MetadataMachine>) -> Vec<MetadataRecord> {
        let records = std::mem::take(&mut effects.records);
        for record in &records {
            self.machine.apply(now, record);
        }
        if let Some(fault) = self.machine.fault() {
            panic!("the metadata machine decided what it cannot apply: {fault}");
        }
        records
    }

    fn run(mut self, inbox: mpsc::Receiver<Command>) {
        // Whatever ends this thread but the order to stop leaves nobody to take changes.
        let lost = Lost(Some(self.lost.clone()));
        if let Err(e) = self.begin() {
            return self.give_up(lost, &e, &inbox);
        }
        while let Ok(first) = inbox.recv() {
            let mut commands = vec![first];
            commands.extend(inbox.try_iter().take(EVENTS_PER_SYNC_MAX));
            match self.serve(commands) {
                Ok(true) => {}
                Ok(false) => return lost.disarm(),
                Err(e) => return self.give_up(lost, &e, &inbox),
            }
        }
    }

    /// The log is lost. Whoever wants to know of it is told, also who comes late; whoever asks for a change learns it
    /// from the dropped reply.
    fn give_up(&self, lost: Lost, e: &io::Error, inbox: &mpsc::Receiver<Command>) {
        error!(
            "The metadata log {} takes no changes any more: {e}. What was acknowledged is safe. Check the disk, then \
             restart.",
            self.folder.display()
        );
        drop(lost);
        self.on_loss.iter().for_each(|tell| tell(e));
        for command in inbox {
            match command {
                Command::OnLoss(tell) => tell(e),
                Command::Stop => return,
                Command::Ask(_) | Command::Watch(_) => {}
            }
        }
    }

    /// False when it is time to stop. Whoever is not answered learns it from the dropped reply.
    fn serve(&mut self, commands: Vec<Command>) -> io::Result<bool> {
        let now = self.now();
        let (mut records, mut changes, mut replies, mut go_on) = (Vec::new(), Vec::new(), Vec::new(), true);
        for command in commands {
            match command {
                Command::Watch(watcher) => self.watchers.push(watcher),
                Command::OnLoss(tell) => self.on_loss.push(tell),
                Command::Stop => {
                    go_on = false;
                    break;
                }
                Command::Ask(ask) => {
                    let mut effects = Effects::new();
                    self.machine.handle(now, Ticket(0), ask.event, &mut effects);
                    records.extend(self.apply_all(now, &mut effects));
                    changes.append(&mut effects.actions);
                    replies.extend(effects.replies.into_iter().next().map(|(_, reply)| (ask.reply, reply)));
                }
            }
        }
        let begun_at = self.active.size_bytes;
        let persisted = self.persist(&records, now).and_then(|()| self.change_quorum(&changes, now));
        if let Err(e) = persisted {
            self.take_back(begun_at, e)?;
            return Ok(go_on);
        }
        if self.machine.image().next_offset != self.published.load().next_offset {
            self.publish();
        }
        for (to, reply) in replies {
            // The one who asked may have gone away.
            let _ = to.send(reply);
        }
        match self.snapshot_if_due() {
            Err(e) if fault::is_passing(&e) => {
                warn!("Cannot write a snapshot of the metadata now: {e}");
                // Not with every change, lest each of them waits for it.
                self.bytes_since_snapshot = 0;
            }
            other => other?,
        }
        Ok(go_on)
    }

    /// A full disk has refused what was decided: it never happened, and who asked is told so. The next change may fit.
    fn take_back(&mut self, size_bytes: u64, why: io::Error) -> io::Result<()> {
        if !fault::is_passing(&why) {
            return Err(why);
        }
        error!("Metadata cannot be changed now, {} cannot grow: {why}", self.folder.display());
        self.active.cut_back(size_bytes)?;
        self.machine.restore(&self.published.load_full());
        Ok(())
    }

    /// Writes and syncs records that have just been applied. On the disk they are there whole or not at all: within
    /// one batch, or else within a transaction.
    fn persist(&mut self, records: &[MetadataRecord], now: Now) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let first = self.machine.image().next_offset - records.len() as i64;
        let mut batches = self.batches(first, records.iter(), now);
        if batches.len() > 1 && !self.machine.in_transaction() {
            let begin: MetadataRecord = BeginTransaction { name: None }.into();
            let end: MetadataRecord = EndTransaction {}.into();
            batches = self.batches(first, [&begin].into_iter().chain(records).chain([&end]), now);
            self.machine.move_to(first + records.len() as i64 + 2);
        }
        self.last_record_ms = now.wall_ms;
        self.write(batches)
    }

    /// Writes and syncs what the quorum has to say about itself. Comes last before the answers: when it fails all that
    /// was decided with it is taken back.
    fn change_quorum(&mut self, changes: &[QuorumChange], now: Now) -> io::Result<()> {
        for QuorumChange::RaiseKraftVersion(version) in changes {
            let Some(voter) = self.voter.clone().filter(|_| *version > self.quorum.kraft_version) else { continue };
            let quorum = Quorum { kraft_version: *version, voters: vec![voter], is_logged: true };
            let (first, controls) = (self.machine.image().next_offset, quorum.records());
            let mut batcher = Batcher::new(first, self.epoch, self.machine.image().metadata_version(), now.wall_ms);
            batcher.control(&controls);
            self.write(batcher.finish())?;
            self.machine.move_to(first + controls.len() as i64);
            self.machine.set_kraft_version(*version);
            self.quorum = quorum;
        }
        Ok(())
    }

    fn batches<'a>(&self, first: i64, records: impl Iterator<Item = &'a MetadataRecord>, now: Now) -> Vec<Bytes> {
        let mut batcher = Batcher::new(first, self.epoch, self.machine.image().metadata_version(), now.wall_ms);
        records.for_each(|record| batcher.push(record));
        batcher.finish()
    }

    fn write(&mut self, batches: Vec<Bytes>) -> io::Result<()> {
        for batch in batches {
            self.active.append(&batch)?;
            self.bytes_since_snapshot += batch.len() as u64;
        }
        Ok(())
    }

    fn publish(&mut self) {
        let now = Arc::new(self.machine.image().clone());
        let before = self.published.swap(now.clone());
        for watcher in &self.watchers {
            watcher(&before, &now);
        }
    }

    /// Replaces a long log by a snapshot.
    fn snapshot_if_due(&mut self) -> io::Result<()> {
        if self.bytes_since_snapshot < self.snapshot_after_bytes || self.machine.in_transaction() {
            return Ok(());
        }
        let image = self.published.load_full();
        let now_ms = self.clock.now_ms();
        snapshot::write(&*self.disk, &self.folder, &image, self.epoch, &self.quorum, self.last_record_ms, now_ms)?;
        self.active.roll(image.next_offset)?;
        let mut epochs = Together::new(self.disk.clone());
        quorum::write_epochs(&mut epochs, &self.folder, &[(self.epoch.0, image.next_offset)])?;
        epochs.commit()?;
        segments::remove_before(&*self.disk, &self.folder, image.next_offset)?;
        snapshot::remove_old(&*self.disk, &self.folder)?;
        self.bytes_since_snapshot = 0;
        info!("Wrote a snapshot of the metadata up to offset {}", image.next_offset);
        Ok(())
    }
}
