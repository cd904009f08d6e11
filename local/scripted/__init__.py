"""Scripted chats: invented conversations with the times at which each part of them is known."""
