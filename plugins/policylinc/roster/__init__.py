"""Enrolment files: members are added, changed and ended by them, whole or not at all."""
