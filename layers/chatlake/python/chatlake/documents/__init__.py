"""The transcript document of a chat: its parts, how versions merge, and where it is stored."""
