# stall-mid-body/openai/openai/async/whole/limited
import asyncio
import json
import sys
import time

from openai import AsyncOpenAI

url, asked = sys.argv[1], json.loads(sys.argv[2])


async def main():
    client = AsyncOpenAI(base_url=url + "/v1", api_key="k", timeout=1, max_retries=0)
    answer = await client.chat.completions.create(**asked)
    return answer.choices[0].message.content, answer.choices[0].finish_reason


error, finish, text, started = None, None, "", time.monotonic()
try:
    text, finish = asyncio.run(main())
except Exception as problem:
    error = f"{type(problem).__module__}.{type(problem).__qualname__}"
print(json.dumps({"seconds": time.monotonic() - started, "error": error, "finish": finish, "text": text}))
