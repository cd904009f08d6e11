"""From contact events to stored documents: when a chat is read, and what a read brings."""
