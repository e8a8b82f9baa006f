# drip/google_genai/gemini/async/whole/limited
import asyncio
import json
import sys
import time

from google.genai import Client

url, asked = sys.argv[1], json.loads(sys.argv[2])


async def main():
    options = {"base_url": url, "api_version": "v1beta", "timeout": 1000, "retry_options": {"attempts": 1}}
    client = Client(api_key="k", http_options=options)
    config = {"max_output_tokens": 300, "system_instruction": asked["systemInstruction"]["parts"][0]["text"]}
    question = {"model": "gemini-2.5-flash", "contents": asked["contents"], "config": config}
    answer = await client.aio.models.generate_content(**question)
    return answer.text, answer.candidates[0].finish_reason.name


error, finish, text, started = None, None, "", time.monotonic()
try:
    text, finish = asyncio.run(main())
except Exception as problem:
    error = f"{type(problem).__module__}.{type(problem).__qualname__}"
print(json.dumps({"seconds": time.monotonic() - started, "error": error, "finish": finish, "text": text}))
