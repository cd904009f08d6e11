"""Amazon Connect chat transcripts, archived into an Iceberg lake and open to SQL."""

__version__ = "0.2.0"
