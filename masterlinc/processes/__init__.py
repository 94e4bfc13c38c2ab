"""Processes beside each other: who lives, who takes over, how one ends in order, and how several are started."""
