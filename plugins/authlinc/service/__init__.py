"""The rules of this agent."""
