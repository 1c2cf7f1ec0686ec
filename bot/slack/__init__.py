"""Slack: what comes in over HTTP (`gate`, `signature`, `body`) or a WebSocket (`socket`), who takes it up (`listeners`,
`slash`, `buttons`, `events`), what is done (`dispatch`), what goes out (`gateway`).
"""
