"""An agent for trials: its work ends or stops its own process where it is told to."""
