//! The wasmtime embedding: loads, limits and calls plugins.
