"""The archive in one folder of one machine."""
