"""The command line: `chatlake`."""
