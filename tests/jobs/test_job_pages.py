"""Which URLs stand for a job, and which do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.ids import JobPages, is_job_id
from bot.providers.registry import dialects, installed_job_pages
from bot.providers.requests import Requests
from tests.builders import account

LINKS = {
    "https://platform.openai.com/finetune/ftjob-abc123": "ftjob-abc123",
    "https://platform.openai.com/finetune/ftjob-abc123/": "ftjob-abc123",
    "https://platform.openai.com/finetune/ftjob-abc123?filter=all#x": "ftjob-abc123",
    "https://platform.openai.com/finetune?jobId=ftjob-abc123&filter=all": "ftjob-abc123",
    "<https://platform.openai.com/finetune/ftjob-abc123>": "ftjob-abc123",
    "<https://platform.openai.com/finetune/ftjob-abc123|x>": "ftjob-abc123",
    "<https://platform.openai.com/finetune/ftjob-abc123|ftjob-other>": "ftjob-abc123",
    "<https://evil.example/ftjob-abc123|ftjob-abc123>": None,
    "<https://evil.example|https://platform.openai.com/finetune/ftjob-abc123>": None,
    "https://platform.openai.com.evil.example/finetune/ftjob-abc123": None,
    "https://evil.example/?https://platform.openai.com/finetune/ftjob-abc123": None,
    "https://user@platform.openai.com/finetune/ftjob-abc123": None,
    "http://platform.openai.com/finetune/ftjob-abc123": "ftjob-abc123",
    "platform.openai.com/finetune/ftjob-abc123": "ftjob-abc123",
    "Platform.OpenAI.com/finetune?jobId=ftjob-abc123": "ftjob-abc123",
    "<http://platform.openai.com/finetune/ftjob-abc123|platform.openai.com/finetune/ftjob-abc123>": "ftjob-abc123",
    "api.together.ai/fine-tuning/ft-abc123": "ft-abc123",
    "<http://app.fireworks.ai/dashboard/fine-tuning/supervised/abc123|x>": "ftjob-abc123",
    "http://evil.example/finetune/ftjob-abc123": None,
    "platform.openai.com.evil.example/finetune/ftjob-abc123": None,
    "user@platform.openai.com/finetune/ftjob-abc123": None,
    "ftp://platform.openai.com/finetune/ftjob-abc123": None,
    "https://platform.openai.com/finetune/../ftjob-abc123": None,
    "https://platform.openai.com/finetune/ftjob-abc%2Fcancel": None,
    "https://platform.openai.com/finetune/": None,
    "https://platform.openai.com/": None,
    "https://evil.example/ftjob-abc123": None,
}

OTHERS = {
    "<https://api.together.ai/fine-tuning/ft-1a2b-3c|x>": "ft-1a2b-3c",
    "https://app.fireworks.ai/dashboard/fine-tuning/supervised/j1?tab=x": "ftjob-j1",
    "https://app.fireworks.ai/dashboard/fine-tuning/dpo/j1": "ftjob-dpo_j1",
    "https://app.fireworks.ai/dashboard/fine-tuning/reinforcement/j1,": "ftjob-rft_j1",
    "https://app.fireworks.ai.evil.example/dashboard/fine-tuning/supervised/j1": None,
    "https://api.together.ai/fine-tuning/": None,
    "https://ai.azure.com/": None,
}


@pytest.mark.parametrize(("link", "expected"), (LINKS | OTHERS).items())
def test_a_link_stands_for_its_job_only_where_it_leads_to_the_jobs_page(link: str, expected: str | None) -> None:
    assert installed_job_pages().find(link) == expected


def test_an_account_may_have_pages_of_its_own() -> None:
    pages = JobPages.of([("https://jobs.example.com/{job}", ""), ("https://jobs.example.com/all", "")])
    assert pages.find("<https://jobs.example.com/2ac5c4f1-8f2e|x>") == "2ac5c4f1-8f2e"
    assert pages.find("https://jobs.example.com/all") == "all"
    assert pages.find("https://other.example.com/2ac5c4f1-8f2e") is None


@pytest.mark.parametrize(
    "provider", [name for name, each in dialects().items() if "{job}" in each.listings[0].job_page]
)
def test_the_page_that_we_link_to_stands_for_its_job(provider: str) -> None:
    dialect = dialects()[provider]
    requests = Requests(dialect, account(provider=provider))
    for listing in dialect.listings:
        job_id = f"{listing.id_prefix}ft-abc123"
        assert installed_job_pages().find(str(requests.job_page(job_id))) == job_id


@given(st.from_regex(r"\Aft(job)?[-_][A-Za-z0-9_-]{1,64}\Z"))
def test_whatever_has_the_shape_of_an_id_may_be_in_a_url(text: str) -> None:
    assert is_job_id(text)
    assert installed_job_pages().find(f"<https://platform.openai.com/finetune/{text}|label>") == text
