"""`masterlinc start`, `stop` and `status`: the processes of one machine, in the background."""
