"""Amazon Connect chat transcripts, archived into an Iceberg lake and open to SQL."""
