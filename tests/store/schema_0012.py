"""What a database of schema 0012 holds, whose tables and columns had other names."""

AUDIT = {
    "at": 1.5,
    "person": "U1",
    "team": "T1",
    "channel": "C1",
    "door": "command",
    "verb": "cancel",
    "decision": "denied",
    "reason": "no",
    "question": "k1",
    "digest": "efe64cc7a192b48353e576c603edf62c328e15bdf15dd39dbbafaebab08a4e1e",
}
"""A row of the audit with its hash, as that version computed it."""
