"""Clients of AWS services, and what is the same for each use of them."""
