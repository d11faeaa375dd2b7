//! Routes, against real servers.
