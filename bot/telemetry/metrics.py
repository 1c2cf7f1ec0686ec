"""What is counted. No metric has a job, channel or person as a label."""

from prometheus_client import Counter, Gauge, Histogram

PROVIDER_REQUESTS = Counter(
    "ftjob_provider_requests_total", "Answers of fine-tuning APIs", ["account", "method", "status"]
)
INVALID_JOBS = Counter("ftjob_broken_items_total", "Jobs in list answers that could not be read", ["account"])
JOB_READ_FAILURES = Counter(
    "ftjob_unread_jobs_total",
    "Single reads of tracked jobs that did not work while their account answered",
    ["account"],
)
OVERSIZED_JOBS = Counter("ftjob_large_jobs_total", "Reads of jobs too large for a page, or for anything", ["account"])
MISMATCHED_RESPONSES = Counter(
    "ftjob_foreign_answers_total", "Answers about another job or organisation than was asked for", ["account"]
)
POLLS = Counter("ftjob_sweeps_total", "Passes over an account, by result", ["account", "result"])
WEBHOOKS = Counter(
    "ftjob_webhooks_total", "Webhooks of fine-tuning APIs, by what became of them", ["account", "result"]
)
LAST_POLL_SUCCESS = Gauge("ftjob_swept_timestamp_seconds", "When a look at an account last went well", ["account"])
LOOP_LAG = Gauge("ftjob_loop_lag_seconds", "How late the process was with a timer, at the worst in the last second")
CHANGES = Counter("ftjob_changes_total", "Changes recorded", ["account", "kind"])
JOB_WRITE_FAILURES = Counter(
    "ftjob_unrecorded_jobs_total",
    "Times that a job could not be stored; it is passed over and tried again",
    ["account"],
)
DELIVERIES = Counter("ftjob_deliveries_total", "Outcomes of attempts to deliver an alert", ["outcome"])
PENDING_DELIVERIES = Gauge(
    "ftjob_deliveries_waiting", "Alerts that did not reach Slack yet, by the state of each", ["state"]
)
POSSIBLE_DUPLICATES = Counter(
    "ftjob_possible_duplicate_total", "Alerts sent again although an earlier attempt may have arrived"
)
DELIVERY_DELAY = Histogram(
    "ftjob_delivery_delay_seconds",
    "From the commit of a change to Slack's acceptance of its alert",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)
CARD_EDITS = Counter("ftjob_card_edits_total", "Edits of cards, by what Slack made of them", ["outcome"])
COMMANDS = Counter("ftjob_commands_total", "What people asked, by verb and result", ["verb", "result"])
RATE_LIMITED = Counter("ftjob_floods_total", "Commands refused because there were too many, by limit", ["limit"])
LOOKUPS = Counter("ftjob_lookups_total", "Look-ups of deliveries in doubt, by what followed from them", ["then"])
FORGED_CONFIRMATIONS = Counter(
    "ftjob_tampered_total", "Buttons pressed that were never put to that person in that channel"
)
DUPLICATE_REQUESTS = Counter(
    "ftjob_repeated_requests_total", "Requests of Slack that came again and were not acted on", ["kind"]
)
SLACK_HTTP_REQUESTS = Counter("ftjob_gate_requests_total", "Answers to what came to Slack's door over HTTP", ["status"])
LOG_LINES_DROPPED = Counter("ftjob_log_lines_dropped_total", "Log lines that were dropped because nobody read them")
EVICTED_CONNECTIONS = Counter(
    "ftjob_cut_connections_total", "Connections to our port that were cut because there was no room for another one"
)
SLACK_IGNORED = Counter(
    "ftjob_slack_idle_total", "What Slack sent and was acknowledged although it asks for nothing", ["kind"]
)
REJECTED_RESPONSE_URLS = Counter("ftjob_refused_urls_total", "Response URLs that were not Slack's and were not used")
DELAYED_REPLIES = Counter(
    "ftjob_answers_total", "Answers to people that Slack did not take at once, by what became of them", ["outcome"]
)
