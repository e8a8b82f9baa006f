# error-event/anthropic/anthropic/sync/stream/limited
import json
import sys
import time

from anthropic import Anthropic

url, asked = sys.argv[1], json.loads(sys.argv[2])
error, finish, text, started = None, None, "", time.monotonic()
try:
    client = Anthropic(base_url=url, api_key="k", timeout=1, max_retries=0)
    answer = client.messages.create(**asked)
    for event in answer:
        if event.type == "content_block_delta":
            text += event.delta.text
        elif event.type == "message_delta":
            finish = event.delta.stop_reason
except Exception as problem:
    error = f"{type(problem).__module__}.{type(problem).__qualname__}"
print(json.dumps({"seconds": time.monotonic() - started, "error": error, "finish": finish, "text": text}))
