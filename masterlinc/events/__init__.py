"""Events: the outbox, subscriptions, the relay."""
