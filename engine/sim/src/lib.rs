//! Simulated devices on real sockets.
