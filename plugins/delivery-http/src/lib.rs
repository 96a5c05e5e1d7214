//! A built-in plugin of Windlass.
