"""Trino, the engine that Athena is built on, on this machine: where it is, one server, a client."""
