# status-401/anthropic/anthropic/sync/whole/limited
import json
import sys
import time

from anthropic import Anthropic

url, asked = sys.argv[1], json.loads(sys.argv[2])
error, finish, text, started = None, None, "", time.monotonic()
try:
    client = Anthropic(base_url=url, api_key="k", timeout=1, max_retries=0)
    answer = client.messages.create(**asked)
    text, finish = answer.content[0].text, answer.stop_reason
except Exception as problem:
    error = f"{type(problem).__module__}.{type(problem).__qualname__}"
print(json.dumps({"seconds": time.monotonic() - started, "error": error, "finish": finish, "text": text}))
