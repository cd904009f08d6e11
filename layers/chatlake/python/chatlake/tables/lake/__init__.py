"""The Iceberg tables: definition, data files, catalogs."""
