"""Durable workflows: stored plans, leases, checkpoints."""
