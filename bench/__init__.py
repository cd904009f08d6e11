"""Measured comparisons: an import beside DuckDB on the same files, redelivery, memory, size."""
