"""Past decisions made again on what was kept of them: the same way, or on other terms; nothing is changed."""
