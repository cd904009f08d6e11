"""Documents become rows, and rows become Iceberg tables."""
