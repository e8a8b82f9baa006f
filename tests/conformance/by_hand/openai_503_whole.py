# status-503/openai/openai/sync/whole/limited
import json
import sys
import time

from openai import OpenAI

url, asked = sys.argv[1], json.loads(sys.argv[2])
error, finish, text, started = None, None, "", time.monotonic()
try:
    client = OpenAI(base_url=url + "/v1", api_key="k", timeout=1, max_retries=0)
    answer = client.chat.completions.create(**asked)
    text, finish = answer.choices[0].message.content, answer.choices[0].finish_reason
except Exception as problem:
    error = f"{type(problem).__module__}.{type(problem).__qualname__}"
print(json.dumps({"seconds": time.monotonic() - started, "error": error, "finish": finish, "text": text}))
