"""What other agents may know of the audit."""

PREFIX = "AUD"  # of an audit row's number
BREAK_GLASS = "break_glass"  # what the purpose of a row begins with that was made with rights for an emergency
