"""Many submissions of one payer decided in chunks, as they would be one by one."""
