"""OpenTelemetry's own instrumentation of the OpenAI client, which puts contents into log records. Prints what came back."""

from dotenv import load_dotenv

load_dotenv()
import os

from openai import OpenAI
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

from openobserve import openobserve_init

openobserve_init()
OpenAIInstrumentor().instrument()
client = OpenAI(api_key=os.environ["HF_TOKEN"], base_url=os.environ["HF_BASE_URL"], max_retries=0)
messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Explain distributed tracing."}]
answer = client.chat.completions.create(model="meta-llama/Llama-3.1-8B-Instruct", messages=messages, max_tokens=100)
print(answer.choices[0].message.content)
