"""Inboxes of agents: messages that are kept until somebody, or a task, has handled them."""
