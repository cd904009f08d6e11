"""The transcript document: what is known of one chat, merged and stored."""
