//! What the rest of the broker holds of the metadata: the image by one atomic load, and a way to ask for changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::driver::{Ask, Command};
use crate::controller::metadata::{Caller, Event, Everyone, IdSource, MetadataImage, Reply, Request};
use crate::model::ErrorCode;

/// Told of every change once it is durable and before anyone is answered: (before, now).
pub type Watcher = Box<dyn Fn(&Arc<MetadataImage>, &Arc<MetadataImage>) + Send>;

/// Told once when the log is lost.
pub type OnLoss = Box<dyn Fn(&std::io::Error) + Send>;

/// The metadata log did not take the change: its disk failed or is full, or the broker stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metadata log does not take the change")]
pub struct Gone;

impl Gone {
    pub fn code(self) -> ErrorCode {
        ErrorCode::KafkaStorageError
    }
}

/// The metadata of a running broker.
pub struct Metadata {
    pub(super) image: Arc<ArcSwap<MetadataImage>>,
    pub(super) lost: Arc<AtomicBool>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) leader_epoch: i32,
    pub(super) voter_directory: Uuid,
}

impl Metadata {
    /// All metadata as of the last durable change.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    /// Whether the log takes no changes until the broker is restarted.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Has this told when the log is lost.
    pub fn on_loss(&self, tell: OnLoss) {
        let _ = self.commands.send(Command::OnLoss(tell));
    }

    /// The epoch in which this node leads the metadata log.
    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// The directory by which the quorum's records name this node; nil where voters are configured.
    pub fn voter_directory(&self) -> Uuid {
        match self.image.load().features.kraft_version {
            0 => Uuid::nil(),
            _ => self.voter_directory,
        }
    }

    /// Asks for a change in the broker's own name.
    pub async fn ask(&self, request: Request) -> Result<Reply, Gone> {
        self.ask_as(Arc::new(Everyone), request).await
    }

    /// Asks for a change; the answer comes when it is durable and published.
    pub async fn ask_as(&self, caller: Arc<dyn Caller>, request: Request) -> Result<Reply, Gone> {
        let (reply, answer) = oneshot::channel();
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(|_| Gone)?;
        let ids = IdSource::new(u128::from_ne_bytes(seed));
        let event = Event { caller, ids, request };
        self.commands.send(Command::Ask(Ask { event, reply })).map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// Asks for a change in the broker's own name that nobody waits for.
    pub fn tell(&self, request: Request) {
        let (reply, _) = oneshot::channel();
        let mut seed = [0; 16];
        if getrandom::fill(&mut seed).is_ok() {
            let event = Event { caller: Arc::new(Everyone), ids: IdSource::new(u128::from_ne_bytes(seed)), request };
            let _ = self.commands.send(Command::Ask(Ask { event, reply }));
        }
    }

    /// Has every later change told.
    pub fn watch(&self, watcher: Watcher) {
        // A log that takes no changes has none to tell.
        let _ = self.commands.send(Command::Watch(watcher));
    }

    /// Ends the driver after everything asked so far. Blocks.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}
