"""Nebius Token Factory: OpenAI's API without pause, resume and metadata.

https://docs.tokenfactory.nebius.com/api-reference/introduction
"""

from dataclasses import replace

from bot.providers.auth import Bearer
from bot.providers.dialect import FAILED, Dialect
from bot.providers.dialects import openai

DIALECT = Dialect(
    id="nebius",
    name="Nebius",
    base_url="https://api.tokenfactory.nebius.com/v1",
    auth=Bearer(),
    listings=(replace(openai.LISTING, job_page="https://tokenfactory.nebius.com/", filters_metadata=False),),
    job=openai.JOB,
    statuses=openai.STATUSES,
    actions=openai.CANCEL,
    events=openai.EVENTS,
    explained_in_log=FAILED,
    checkpoints=openai.CHECKPOINTS,
    file_content=openai.FILE_CONTENT,
    hint=":rocket: Deploy the model before use.",
    create_with="Use the Nebius console or API instead.",
)
