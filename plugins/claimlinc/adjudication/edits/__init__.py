"""Clinical and billing edits: what is wrong with a line beside others, the patient or the diagnosis."""
