"""The same program, told which call to make: calls.py MANNER MODEL [PROMPT].

MANNER is plain, stream, stream-usage, async or async-stream. Prints one JSON object: what the client saw.
"""

from dotenv import load_dotenv

load_dotenv()
from openinference.instrumentation.openai import OpenAIInstrumentor
from openobserve import openobserve_init

OpenAIInstrumentor().instrument()
openobserve_init()
import asyncio
import json
import os
import sys

import openai

manner, model = sys.argv[1:3]
prompt = sys.argv[3] if len(sys.argv) > 3 else "Explain distributed tracing in one sentence."
endpoint = {"api_key": os.environ["HF_TOKEN"], "base_url": os.environ["HF_BASE_URL"], "max_retries": 0}
asked = {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 100}
if "stream" in manner:
    asked["stream"] = True
if manner in ("stream-usage", "async-stream"):
    asked["stream_options"] = {"include_usage": True}


def folded(chunks):
    """A streamed answer as one."""
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    return {
        "model": chunks[0].model,
        "id": chunks[0].id,
        "content": text,
        "usage": usage[0].model_dump() if usage else None,
        "usage_chunks": sum(1 for chunk in chunks if not chunk.choices),
    }


def whole(answer):
    return {
        "model": answer.model,
        "id": answer.id,
        "content": answer.choices[0].message.content,
        "usage": answer.usage.model_dump(),
    }


async def call_async():
    async with openai.AsyncOpenAI(**endpoint) as client:
        answer = await client.chat.completions.create(**asked)
        return folded([chunk async for chunk in answer]) if "stream" in manner else whole(answer)


def call():
    answer = openai.OpenAI(**endpoint).chat.completions.create(**asked)
    return folded(list(answer)) if "stream" in manner else whole(answer)


try:
    seen = asyncio.run(call_async()) if manner.startswith("async") else call()
except openai.APIStatusError as error:
    seen = {
        "error": type(error).__name__,
        "status": error.status_code,
        "body": error.body,
        "retry_after": error.response.headers.get("retry-after"),
    }
except openai.APIConnectionError as error:
    seen = {"error": type(error).__name__, "status": None}
print(json.dumps(seen))
