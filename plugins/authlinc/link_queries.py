"""The SQL of links by which a user chooses a password, and of the mails that bring them.

Arguments that are a moment come from the clock, never from `now()`.
"""

# No row: the address was sent as many mails as it may be in this hour.
COUNT_MAIL = """
INSERT INTO authlinc.mail_count AS c (account, mails, since) VALUES ($1, 1, $2)
ON CONFLICT (account) DO UPDATE SET
    mails = CASE WHEN c.since <= $3 THEN 1 ELSE c.mails + 1 END,
    since = CASE WHEN c.since <= $3 THEN $2 ELSE c.since END
WHERE c.since <= $3 OR c.mails < $4
RETURNING mails"""
FORGET_MAILS = "DELETE FROM authlinc.mail_count WHERE since < $1"

# No row: this mail was sent already. The token of a try before is void.
PUT_LINK = """
INSERT INTO authlinc.password_link AS l
    (organization_id, id, user_id, purpose, token_hash, password_mark, made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (organization_id, id) DO UPDATE
    SET token_hash = $5, password_mark = $6, made_at = $7, expires_at = $8
WHERE l.sent_at IS NULL
RETURNING id"""
LINK_IS_SENT = "UPDATE authlinc.password_link SET sent_at = $3 WHERE organization_id = $1 AND id = $2"
LINK = """
SELECT id, user_id, purpose, password_mark FROM authlinc.password_link
WHERE organization_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3"""
USE_LINK = """
UPDATE authlinc.password_link SET used_at = $3
WHERE organization_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3
RETURNING id"""
VOID_LINKS = """
UPDATE authlinc.password_link SET used_at = $3
WHERE organization_id = $1 AND user_id = $2 AND used_at IS NULL AND id IS DISTINCT FROM $4::uuid"""
