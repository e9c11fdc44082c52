//! Topics, configs, features and all else that `__cluster_metadata` holds.
