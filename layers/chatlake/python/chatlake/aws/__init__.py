"""The deployed archive, and what its functions share."""
