"""What an operator does with an archive, in either home."""
