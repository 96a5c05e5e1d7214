//! The rules of a rollout, without I/O: state machines, planning, retry.
