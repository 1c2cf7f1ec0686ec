"""Amazon Bedrock's OpenAI-compatible API (bedrock-mantle): reinforcement fine-tuning of open-weight models.

https://docs.aws.amazon.com/bedrock/latest/userguide/rft-open-weight-access-security.html
"""

from dataclasses import replace

from bot.providers.auth import Bearer
from bot.providers.dialect import FAILED, Dialect
from bot.providers.dialects import openai

DIALECT = Dialect(
    id="bedrock-mantle",
    name="Amazon Bedrock",
    base_url=None,
    auth=Bearer(),
    listings=(replace(openai.LISTING, job_page="https://console.aws.amazon.com/bedrock/", filters_metadata=False),),
    job=openai.JOB,
    statuses=openai.STATUSES,
    actions=openai.CANCEL,
    events=openai.EVENTS,
    explained_in_log=FAILED,
    checkpoints=openai.CHECKPOINTS,
    file_content=openai.FILE_CONTENT,
    endpoint="https://bedrock-mantle.<region>.api.aws/v1",
    create_with="Use the AWS console or API instead.",
)
