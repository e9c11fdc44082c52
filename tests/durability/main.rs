//! The promise that acknowledged means on disk, kept by the whole broker: its sockets, partitions, coordinators and
//! controller, on a simulated disk that loses what was not synced, fails, and fills up.

mod client;
mod crash;
mod damage;
mod faults;
mod many;
mod moving;
mod node;
mod office;
mod promises;
mod real;
mod seam;
