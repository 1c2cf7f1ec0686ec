"""Environments that cannot be used, each with everything that has to be said about it."""

CANARY = "c4n4ry"
"""A part of every secret of these tests; no problem may show it."""

GOOD = {
    "SLACK_BOT_TOKEN": f"xoxb-{CANARY}-0123456789",
    "SLACK_APP_TOKEN": f"xapp-{CANARY}-0123456789",
    "OPENAI_API_KEY": f"sk-{CANARY}-1",
}
HTTP = {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": f"{CANARY}0123456789"}

PERSON = "SLACK_BOT_TOKEN is a user token (xoxp-); use the bot token (xoxb-)"
OPS = (
    "FTJOB_OPS_CHANNEL must be a channel ID (C... or G...), not a channel name. "
    "To find it in Slack, click the channel name; the ID is at the bottom of the About tab"
)
FORGETS = (
    "DATABASE_URL must be a PostgreSQL URL (postgresql://...): on Heroku, local files are lost on every "
    "restart; add a database to the app (or set FTJOB_ALLOW_EPHEMERAL=1 to start empty each time)"
)

BOTH = "{} and {} are the same setting with different values; keep one"
AZURE = {"AZURE_OPENAI_ENDPOINT": "https://n.openai.azure.com", "AZURE_OPENAI_API_KEY": f"{CANARY}0123456789"}
SET_AZURE = "set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY"
HOST = "FTJOB_HOST must be a hostname or IP address without a port, such as 127.0.0.1"

BAD: dict[str, tuple[dict[str, str], list[str]]] = {
    "nothing at all": (
        dict.fromkeys(GOOD, ""),
        [
            "SLACK_BOT_TOKEN is missing",
            "SLACK_SIGNING_SECRET is missing; set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)",
            "OPENAI_API_KEY is missing",
        ],
    ),
    "Azure's key without its resource": (
        {"AZURE_OPENAI_API_KEY": f"{CANARY}0123456789"},
        ["AZURE_OPENAI_AD_TOKEN or AZURE_OPENAI_API_KEY is set without AZURE_OPENAI_ENDPOINT"],
    ),
    "Azure's resource without a key": (
        {"AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com"},
        [
            "AZURE_OPENAI_AD_TOKEN is missing; AZURE_OPENAI_ENDPOINT requires either this or AZURE_OPENAI_API_KEY",
        ],
    ),
    "a version that Azure does not have": (
        {"OPENAI_API_VERSION": "latest"},
        ['OPENAI_API_VERSION must be an Azure API version such as "2024-10-21", or "v1"'],
    ),
    "a version under Azure's own name that Azure does not have": (
        {"AZURE_OPENAI_API_VERSION": "latest"},
        ['AZURE_OPENAI_API_VERSION must be an Azure API version such as "2024-10-21", or "v1"'],
    ),
    "two versions": (
        {"OPENAI_API_VERSION": "2024-10-21", "AZURE_OPENAI_API_VERSION": "2025-04-01-preview"},
        [BOTH.format("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION")],
    ),
    "two keys of Azure": (
        AZURE | {"AZURE_OPENAI_KEY": f"{CANARY}9876543210"},
        [BOTH.format("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY")],
    ),
    "two other names of an organization": (
        {"OPENAI_ORGANIZATION": "org-1", "OPENAI_ORGANIZATION_ID": "org-2"},
        [BOTH.format("OPENAI_ORGANIZATION", "OPENAI_ORGANIZATION_ID")],
    ),
    "a version for an endpoint without versions": (
        AZURE | {"AZURE_OPENAI_ENDPOINT": "https://n.openai.azure.com/openai/v1/", "OPENAI_API_VERSION": "2024-10-21"},
        [
            "OPENAI_API_VERSION can't be used with an endpoint that ends in /openai/v1; remove the version, or remove /v1 from the endpoint"
        ],
    ),
    "Azure as older clients were told": (
        {"OPENAI_API_TYPE": "azure", "OPENAI_API_BASE": "https://n.openai.azure.com"},
        [f"OPENAI_API_TYPE isn't used for Azure; {SET_AZURE}"],
    ),
    "Azure by the name of the resource": (
        {"AZURE_OPENAI_API_INSTANCE_NAME": "name"},
        [
            f"AZURE_OPENAI_API_INSTANCE_NAME isn't used; {SET_AZURE} (the endpoint is https://<that name>.openai.azure.com)"
        ],
    ),
    "a machine that has no name": ({"FTJOB_HOST": "here..there"}, [HOST]),
    "a machine with its port": ({"FTJOB_HOST": "127.0.0.1:8080"}, [HOST]),
    "a line break in an organization": (
        {"OPENAI_ORG_ID": "org-1\r\nX-Other: 1"},
        ["OPENAI_ORG_ID must be an ID, such as org-abc123 or proj_abc123"],
    ),
    "a project in other letters": (
        {"OPENAI_PROJECT_ID": "pr\u00f6j"},
        ["OPENAI_PROJECT_ID must be an ID, such as org-abc123 or proj_abc123"],
    ),
    "an address with an empty label": (
        {"OPENAI_BASE_URL": "https://api..example.com/v1", "SLACK_API_URL": f"https://{'a' * 64}.com/api"},
        [
            "SLACK_API_URL must be a URL like https://host/path",
            "OPENAI_BASE_URL must be a URL like https://host/path",
        ],
    ),
    "bytes that are no text": (
        {"OPENAI_PROJECT_ID": "\udcff"},
        ["OPENAI_PROJECT_ID contains invalid UTF-8"],
    ),
    "no transport": (
        {"SLACK_APP_TOKEN": " "},
        ["SLACK_SIGNING_SECRET is missing; set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"],
    ),
    "a blank token": ({"SLACK_BOT_TOKEN": " \t "}, ["SLACK_BOT_TOKEN is missing"]),
    "a person's token": ({"SLACK_BOT_TOKEN": f"xoxp-{CANARY}"}, [PERSON]),
    "a person's token for the app's": (
        {"SLACK_APP_TOKEN": f"xoxp-{CANARY}"},
        ["SLACK_APP_TOKEN is a user token (xoxp-); use the app-level token (xapp-)"],
    ),
    "the tokens swapped": (
        {"SLACK_BOT_TOKEN": GOOD["SLACK_APP_TOKEN"], "SLACK_APP_TOKEN": GOOD["SLACK_BOT_TOKEN"]},
        ["SLACK_BOT_TOKEN must start with xoxb-", "SLACK_APP_TOKEN must start with xapp-"],
    ),
    "a placeholder": ({"OPENAI_API_KEY": "sk-..."}, ["OPENAI_API_KEY is still a placeholder; set the real value"]),
    "a word to replace": (
        {"OPENAI_API_KEY": f"your-key-{CANARY}"},
        ["OPENAI_API_KEY is still a placeholder; set the real value"],
    ),
    "brackets": ({"OPENAI_API_KEY": f"<{CANARY}>"}, ["OPENAI_API_KEY is still a placeholder; set the real value"]),
    "crosses": (
        {"SLACK_BOT_TOKEN": "xoxb-xxxxxxxx-xxxx"},
        ["SLACK_BOT_TOKEN is still a placeholder; set the real value"],
    ),
    "only crosses": ({"OPENAI_API_KEY": "sk-XXXX"}, ["OPENAI_API_KEY is still a placeholder; set the real value"]),
    "change me": (
        {**HTTP, "SLACK_SIGNING_SECRET": f"changeme{CANARY}"},
        ["SLACK_SIGNING_SECRET is still a placeholder; set the real value"],
    ),
    "a key with a line break": (
        {"OPENAI_API_KEY": f"sk-{CANARY}\n{CANARY}"},
        ["OPENAI_API_KEY contains an invalid character, such as a space or line break; copy it again"],
    ),
    "a key with an ellipsis": (
        {"OPENAI_API_KEY": f"sk-{CANARY}\u2026"},
        ["OPENAI_API_KEY contains an invalid character, such as a space or line break; copy it again"],
    ),
    "a write key with a space": (
        {"OPENAI_WRITE_API_KEY": f"sk-{CANARY} {CANARY}"},
        ["OPENAI_WRITE_API_KEY contains an invalid character, such as a space or line break; copy it again"],
    ),
    "the secret of no webhook": (
        {"OPENAI_WEBHOOK_SECRET": f"whsec_{'A' * 32},{CANARY}", "PORT": "3000"},
        ["OPENAI_WEBHOOK_SECRET must be the signing secret OpenAI showed when you created the webhook (whsec_...)"],
    ),
    "a webhook's secret without a key": (
        {"OPENAI_WEBHOOK_SECRET": "whsec_", "PORT": "3000"},
        ["OPENAI_WEBHOOK_SECRET must be the signing secret OpenAI showed when you created the webhook (whsec_...)"],
    ),
    "webhooks that nobody can reach": (
        {"OPENAI_WEBHOOK_SECRET": f"whsec_{'A' * 32}"},
        [
            "OPENAI_WEBHOOK_SECRET requires PORT: webhooks arrive over HTTP, and in Socket Mode the bot listens only if PORT is set"
        ],
    ),
    "a short secret": (
        {**HTTP, "SLACK_SIGNING_SECRET": CANARY},
        ["SLACK_SIGNING_SECRET is too short; copy it again"],
    ),
    "a short bot token": (
        {"SLACK_BOT_TOKEN": f"xoxb-{CANARY}-01"},
        ["SLACK_BOT_TOKEN is too short; copy it again"],
    ),
    "a short app token": (
        {"SLACK_APP_TOKEN": f"xapp-{CANARY}-01"},
        ["SLACK_APP_TOKEN is too short; copy it again"],
    ),
    "nothing but the beginning": ({"SLACK_BOT_TOKEN": "xoxb-"}, ["SLACK_BOT_TOKEN is too short; copy it again"]),
    "port zero": ({"PORT": "0"}, ["PORT must be a whole number from 1 to 65535"]),
    "a port too high": ({"PORT": "65536"}, ["PORT must be a whole number from 1 to 65535"]),
    "a port in words": (
        {"PORT": "http"},
        ["PORT must be a whole number from 1 to 65535"],
    ),
    "no seconds": ({"FTJOB_POLL_SECONDS": "0"}, ["FTJOB_POLL_SECONDS must be a number greater than 0, up to 86400"]),
    "negative seconds": (
        {"FTJOB_POLL_SECONDS": "-1"},
        ["FTJOB_POLL_SECONDS must be a number greater than 0, up to 86400"],
    ),
    "no number": ({"FTJOB_POLL_SECONDS": "nan"}, ["FTJOB_POLL_SECONDS must be a number greater than 0, up to 86400"]),
    "for ever": ({"FTJOB_POLL_SECONDS": "inf"}, ["FTJOB_POLL_SECONDS must be a number greater than 0, up to 86400"]),
    "seconds in words": (
        {"FTJOB_POLL_SECONDS": "30s"},
        ["FTJOB_POLL_SECONDS must be a number greater than 0, up to 86400"],
    ),
    "names for operators": (
        {"FTJOB_OPERATORS": "U123, @milo,#ops"},
        ["FTJOB_OPERATORS must contain user IDs (U...) or user group IDs (S...), not #ops, @milo"],
    ),
    "everybody for operators": (
        {"FTJOB_OPERATORS": "<!channel> U1"},
        ["FTJOB_OPERATORS must contain user IDs (U...) or user group IDs (S...), not <!channel>"],
    ),
    "a mention for an operator": (
        {"FTJOB_OPERATORS": "<@U123> <!subteam^S1>"},
        ["FTJOB_OPERATORS must contain user IDs (U...) or user group IDs (S...), not <!subteam^S1>, <@U123>"],
    ),
    "a key for an operator": (
        {"FTJOB_OPERATORS": f"sk-{CANARY}-0123456789"},
        ["FTJOB_OPERATORS must contain user IDs (U...) or user group IDs (S...), not sk-..."],
    ),
    "a log of its own": ({"FTJOB_LOG": "xml"}, ["FTJOB_LOG must be console or json"]),
    "neither yes nor no": (
        {"FTJOB_READ_ONLY": "maybe"},
        ["FTJOB_READ_ONLY must be yes or no (true, false, on, off, 1, and 0 also work)"],
    ),
    "neither yes nor no, everywhere": (
        {"FTJOB_ALLOW_GUESTS": "y", "FTJOB_ALLOW_HTTP": "2", "FTJOB_ALLOW_SHARED_CHANNELS": "enabled"},
        [
            f"{name} must be yes or no (true, false, on, off, 1, and 0 also work)"
            for name in ("FTJOB_ALLOW_HTTP", "FTJOB_ALLOW_GUESTS", "FTJOB_ALLOW_SHARED_CHANNELS")
        ],
    ),
    "a setting that is misspelt": (
        {"FTJOB_POL_SECONDS": "5"},
        ["FTJOB_POL_SECONDS isn't a setting; did you mean FTJOB_POLL_SECONDS?"],
    ),
    "settings in small letters, with a beginning too many, and of another program": (
        {"ftjob_read_only": "1", "FTJOB_DATABASE_URL": CANARY, "FTJOB_PORT": "3000", "FTJOB_COLOR": "blue"},
        [
            "FTJOB_COLOR isn't a setting; see README.md for the list",
            "FTJOB_DATABASE_URL isn't a setting; did you mean DATABASE_URL?",
            "FTJOB_PORT isn't a setting; did you mean PORT?",
            "ftjob_read_only isn't a setting; did you mean FTJOB_READ_ONLY?",
        ],
    ),
    "a file for what is no secret": (
        {"FTJOB_LOG_FILE": "/var/log/ftjob"},
        ["FTJOB_LOG_FILE isn't a setting; did you mean FTJOB_LOG?"],
    ),
    "a token that is misspelt": (
        {"SLACK_BOT_TOKEN": "", "SLACK_BOT_TOKN": GOOD["SLACK_BOT_TOKEN"]},
        ["SLACK_BOT_TOKEN is missing", "SLACK_BOT_TOKN isn't used; did you mean SLACK_BOT_TOKEN?"],
    ),
    "another scheme": (
        {"OPENAI_BASE_URL": "ftp://host/v1"},
        ["OPENAI_BASE_URL must be a URL like https://host/path"],
    ),
    "no host": ({"OPENAI_BASE_URL": "https:///v1"}, ["OPENAI_BASE_URL must be a URL like https://host/path"]),
    "no scheme": ({"SLACK_API_URL": "slack.com/api"}, ["SLACK_API_URL must be a URL like https://host/path"]),
    "a query": (
        {"OPENAI_BASE_URL": f"https://host/v1?key={CANARY}"},
        ["OPENAI_BASE_URL must be a URL like https://host/path"],
    ),
    "a port that is none": (
        {"OPENAI_BASE_URL": "https://host:eighty/v1"},
        ["OPENAI_BASE_URL must be a URL like https://host/path"],
    ),
    "a port beyond all": (
        {"SLACK_API_URL": "https://host:99999/api"},
        ["SLACK_API_URL must be a URL like https://host/path"],
    ),
    "a space in the address": (
        {"OPENAI_BASE_URL": "https://my host/v1"},
        ["OPENAI_BASE_URL must be a URL like https://host/path"],
    ),
    "half a bracket": (
        {"OPENAI_BASE_URL": "https://[::1/v1"},
        ["OPENAI_BASE_URL must be a URL like https://host/path"],
    ),
    "a password in the address": (
        {"OPENAI_BASE_URL": f"https://user:{CANARY}@host/v1"},
        ["OPENAI_BASE_URL must not contain a username or password"],
    ),
    "no TLS": (
        {"OPENAI_BASE_URL": "http://host/v1", "SLACK_API_URL": "http://10.0.0.5/api"},
        [
            "SLACK_API_URL must start with https:// (FTJOB_ALLOW_HTTP=1 allows http)",
            "OPENAI_BASE_URL must start with https:// (FTJOB_ALLOW_HTTP=1 allows http)",
        ],
    ),
    "another database": (
        {"DATABASE_URL": f"mysql://user:{CANARY}@host/name"},
        ["DATABASE_URL must start with sqlite:/// or postgresql://"],
    ),
    "a database without slashes": (
        {"DATABASE_URL": "sqlite:ftjob.db"},
        ["DATABASE_URL must start with sqlite:/// or postgresql://"],
    ),
    "a database at no port": (
        {"DATABASE_URL": f"postgresql://user:{CANARY}@host:port/name"},
        ["DATABASE_URL must look like postgresql://user:password@host:5432/name"],
    ),
    "a disk that forgets": ({"DYNO": "worker.1"}, [FORGETS]),
    "a disk that forgets, by name": ({"DYNO": "web.1", "DATABASE_URL": "sqlite:////app/ftjob.db"}, [FORGETS]),
    "a disk that forgets, allowed by half": ({"DYNO": "web.1", "FTJOB_ALLOW_EPHEMERAL": "0"}, [FORGETS]),
    "a channel by name": ({"FTJOB_OPS_CHANNEL": "#ops"}, [OPS]),
    "a channel by bare name": ({"FTJOB_OPS_CHANNEL": "ops"}, [OPS]),
    "everybody for a channel": ({"FTJOB_OPS_CHANNEL": "<!channel>"}, [OPS]),
    "a mention for a channel": ({"FTJOB_OPS_CHANNEL": "<#C123|ops>"}, [OPS]),
    "a person for a channel": ({"FTJOB_OPS_CHANNEL": "U0123"}, [OPS]),
    "a heartbeat nowhere": (
        {"FTJOB_HEARTBEAT_URL": f"hc-ping.com/{CANARY}"},
        ["FTJOB_HEARTBEAT_URL must be a URL like https://host/path"],
    ),
    "a heartbeat without TLS": (
        {"FTJOB_HEARTBEAT_URL": f"http://host/{CANARY}"},
        ["FTJOB_HEARTBEAT_URL must start with https:// (FTJOB_ALLOW_HTTP=1 allows http)"],
    ),
    "a heartbeat with a password": (
        {"FTJOB_HEARTBEAT_URL": f"https://user:{CANARY}@host/"},
        ["FTJOB_HEARTBEAT_URL must not contain a username or password"],
    ),
    "much at once": (
        {
            "SLACK_BOT_TOKEN": CANARY,
            "OPENAI_API_KEY": f"<{CANARY}>",
            "PORT": "-1",
            "FTJOB_POLL_SECONDS": "soon",
            "DATABASE_URL": CANARY,
            "FTJOB_LOG": CANARY,
        },
        [
            "SLACK_BOT_TOKEN must start with xoxb-",
            "PORT must be a whole number from 1 to 65535",
            "OPENAI_API_KEY is still a placeholder; set the real value",
            "DATABASE_URL must start with sqlite:/// or postgresql://",
            "FTJOB_POLL_SECONDS must be a number greater than 0, up to 86400",
            "FTJOB_LOG must be console or json",
        ],
    ),
}
