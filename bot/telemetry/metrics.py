"""Prometheus metrics. No metric has a job, channel or person as a label."""

from prometheus_client import Counter, Gauge, Histogram

PROVIDER_REQUESTS = Counter(
    "ftjob_provider_requests_total", "Responses of fine-tuning APIs", ["account", "method", "status"]
)
INVALID_JOBS = Counter("ftjob_invalid_jobs_total", "Jobs in list responses that could not be parsed", ["account"])
JOB_READ_FAILURES = Counter(
    "ftjob_job_read_failures_total",
    "Failed reads of single tracked jobs while their account was reachable",
    ["account"],
)
OVERSIZED_JOBS = Counter(
    "ftjob_oversized_jobs_total", "Reads of jobs too large for a page, or too large at all", ["account"]
)
MISMATCHED_RESPONSES = Counter(
    "ftjob_mismatched_responses_total", "Responses about another job or organization than requested", ["account"]
)
POLLS = Counter("ftjob_polls_total", "Polls of an account, by result", ["account", "result"])
PUSHES = Counter("ftjob_pushes_total", "Responses to calls of trainers", ["status"])
WEBHOOKS = Counter("ftjob_webhooks_total", "Webhooks of fine-tuning APIs, by result", ["account", "result"])
LAST_POLL_SUCCESS = Gauge(
    "ftjob_last_poll_success_timestamp_seconds", "When the last successful poll of an account ended", ["account"]
)
LOOP_LAG = Gauge("ftjob_loop_lag_seconds", "Event-loop lag: the latest timer of the last second")
CHANGES = Counter("ftjob_changes_total", "Changes recorded", ["account", "kind"])
JOB_WRITE_FAILURES = Counter(
    "ftjob_job_write_failures_total",
    "Failed writes of a job, which is skipped and retried",
    ["account"],
)
DELIVERIES = Counter("ftjob_deliveries_total", "Outcomes of attempts to deliver an alert", ["outcome"])
PENDING_DELIVERIES = Gauge(
    "ftjob_pending_deliveries", "Deliveries that Slack has not accepted yet, by state", ["state"]
)
POSSIBLE_DUPLICATES = Counter(
    "ftjob_possible_duplicates_total", "Alerts sent again although an earlier attempt may have arrived"
)
DELIVERY_DELAY = Histogram(
    "ftjob_delivery_delay_seconds",
    "From the commit of a change to Slack's acceptance of its alert",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)
CARD_EDITS = Counter("ftjob_card_edits_total", "Edits of cards, by outcome", ["outcome"])
COMMANDS = Counter("ftjob_commands_total", "Commands, by verb and result", ["verb", "result"])
RATE_LIMITED = Counter("ftjob_rate_limited_total", "Commands rejected by a rate limit, by limit", ["limit"])
LOOKUPS = Counter("ftjob_lookups_total", "Lookups of unconfirmed deliveries, by result", ["result"])
FORGED_CONFIRMATIONS = Counter(
    "ftjob_forged_confirmations_total",
    "Clicks on confirmation buttons that were never shown to that person in that channel",
)
DUPLICATE_REQUESTS = Counter(
    "ftjob_duplicate_requests_total", "Duplicate requests of Slack that were not executed again", ["kind"]
)
SLACK_HTTP_REQUESTS = Counter(
    "ftjob_slack_http_requests_total", "Responses to requests at Slack's HTTP endpoint", ["status"]
)
LOG_LINES_DROPPED = Counter("ftjob_log_lines_dropped_total", "Log lines dropped because standard error was blocked")
EVICTED_CONNECTIONS = Counter(
    "ftjob_evicted_connections_total", "Inbound connections closed to make room for another one"
)
SLACK_IGNORED = Counter(
    "ftjob_slack_ignored_total", "Requests of Slack that were acknowledged and need no action", ["kind"]
)
REJECTED_RESPONSE_URLS = Counter(
    "ftjob_rejected_response_urls_total", "Response URLs that were not Slack's and were not used"
)
DELAYED_REPLIES = Counter(
    "ftjob_delayed_replies_total", "Replies to people that Slack did not accept at once, by outcome", ["outcome"]
)
