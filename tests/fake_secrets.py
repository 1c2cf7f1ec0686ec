"""Invented secrets of every known shape, put together here so that no scanner takes them for real ones."""

CORE = "h1dd3nh1dd3n"
HEX = "deadbeef" * 8
CORES = ("h1dd3n", "H1DD3N", "deadbeef")
"""Parts that may stand nowhere."""

SECRETS = [
    *(f"{prefix}-1-{CORE}" for prefix in "xoxb xoxp xoxa xoxr xoxs xoxc xoxd xoxo xapp XOXB Xapp".split()),
    f"xoxb-{CORE}",
    f"xoxb-12345-67890-{CORE}",
    f"xoxa-2-12345-{CORE}",
    f"xoxe-1-{CORE}",
    f"xoxe.xoxb-1-{CORE}",
    f"xoxe.xoxp-1-{CORE}",
    f"xapp-1-A012345-67890-{CORE}",
    f"sk-{CORE}",
    f"sk-proj-{CORE}_{CORE}-{CORE}",
    f"sk-svcacct-{CORE}",
    f"sk-admin-{CORE}",
    f"sk-None-{CORE}",
    f"sk_live_{CORE}",
    f"SK-{CORE}",
    f"sk-{CORE}********{CORE}",
    f"whsec_{CORE}",
    f"whsec_{CORE}+/{CORE}==",
    f"whsec-{CORE}",
    f"Bearer {CORE}",
    f"bearer {CORE}",
    f"Authorization: Bearer {CORE}.{CORE}.{CORE}",
    f"Bearer%20{CORE}",
    f"Bearer  xoxb-{CORE}",
    f"https://hooks.slack.com/services/T0/B0/{CORE}",
    f"https://hooks.slack.com/commands/T0/123/{CORE}",
    f"https://hooks.slack.com/actions/T0/123/{CORE}",
    f"https://hooks.slack.com:443/services/T0/B0/{CORE}",
    f"HTTPS://HOOKS.SLACK.COM/services/T0/B0/{CORE}",
    f"https:\\/\\/hooks.slack.com\\/commands\\/T0\\/{CORE}",
    f"https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0%2F{CORE}",
    f"https://hooks.slack-gov.com/services/T0/B0/{CORE}",
    f"v0={HEX}",
    f"v0%3D{HEX}",
    f"v0={HEX.upper()}".replace("DEADBEEF", "deadBEEF"),
    f"postgresql://ftjob:{CORE}@db:5432/ftjob",
    f"postgresql+asyncpg://ftjob:{CORE}/#?{CORE}@db/ftjob",
    f"postgres://ftjob:{CORE}@{CORE}@db/ftjob",
    f"redis://:{CORE}@cache:6379/0",
    f"https://user:{CORE}@host/path",
    *(
        f"{prefix}{CORE * 3}"
        for prefix in "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ hf_ gsk_ r8_ npm_ xai- pplx- dop_v1_".split()
    ),
    *(
        f"{prefix}{CORE}_{CORE}"
        for prefix in "glpat- gldt- glrt- sk-ant-api03- rk_live_ wandb_v1_ nvapi- GOCSPX-".split()
    ),
    f"AIza{CORE * 3}",
    f"ya29.{CORE}-{CORE}",
    f"pypi-AgEIcHlwaS5vcmc{CORE}",
    f"SG.{CORE * 2}.{CORE * 3}",
    *(f"{prefix}{'H1DD3N' * 3}"[:20] for prefix in ("AKIA", "ASIA")),
    f"-----BEGIN RSA PRIVATE KEY-----\\n{CORE}\\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN OPENSSH PRIVATE KEY----- {CORE}",
    f"local-{HEX[:40]}",
    f"SK{HEX[:32]}",
    f"AccountName=ft;AccountKey={CORE}==;EndpointSuffix=core.windows.net",
    f"SharedAccessSignature=sv=2024&sig={CORE}",
    f"https://ft.blob.core.windows.net/c/f.csv?sv=2024&sig={CORE}%3D",
    f"https://s3.amazonaws.com/b/f.csv?X-Amz-Signature={HEX}",
    *(
        f"{prefix}{CORE * 2}"
        for prefix in "lsv2_pt_ pcsk_ rpa_ sb_secret_ ops_eyJ ntn_ sgp_ jina_ tvly- dp.pt.".split()
    ),
    f"123456789:AA{CORE * 3}",
    f"https://api.telegram.org/bot123456789:AA{CORE * 3}/getMe",
    f"https://acme.webhook.office.com/webhookb2/1@2/IncomingWebhook/{CORE}",
    f"https://discord.com/api/webhooks/123/{CORE}",
    f"aws_secret_access_key={CORE}",
    f"wandb.api_key={CORE}",
    f"x-api-key:{CORE}",
    f"password={CORE}",
    f"https://gateway.example/v1?api_key={CORE}",
]
