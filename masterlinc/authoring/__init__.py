"""A developer's way in: `masterlinc new` writes an agent that runs, with its tests."""
