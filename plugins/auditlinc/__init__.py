"""AuditLinc: search in the audit, its export, and shipping it to a SIEM."""
