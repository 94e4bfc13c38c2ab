"""The rules of auditlinc."""
