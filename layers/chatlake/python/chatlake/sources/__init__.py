"""What Connect sends and answers becomes documents: one module a source."""
