"""Replies: how an answer reaches the person who asked."""
