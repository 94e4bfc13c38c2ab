"""Plans of workflows, as they are stored, started and steered: what a Context may do. The engine stands above it."""
