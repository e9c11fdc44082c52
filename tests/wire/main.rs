//! The wire as a client sees it: golden bytes of every message and version, and bytes that are no messages.

mod allocations;
mod apis;
mod fuzz;
mod golden;
mod hostile;
mod ranges;
mod seeded;
mod shapes;
