//! The shell around log, controller and security: it owns the tasks, the locks and the waiting.
