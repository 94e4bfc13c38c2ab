"""The rules of claims: recording, the workflow's steps, decisions, answers, reading."""
