# healthy/litellm_fallbacks/openai/sync/stream/limited
import json
import sys
import time

import litellm

url, asked = sys.argv[1], json.loads(sys.argv[2])
error, finish, text, started = None, None, "", time.monotonic()
try:
    where = {"model": "openai/gpt-5-mini", "api_base": url + "/v1", "api_key": "k", "timeout": 1, "max_retries": 0}
    for chunk in litellm.completion(**asked | where, fallbacks=[where]):
        for choice in chunk.choices:
            text, finish = text + (choice.delta.content or ""), choice.finish_reason or finish
except Exception as problem:
    error = f"{type(problem).__module__}.{type(problem).__qualname__}"
print(json.dumps({"seconds": time.monotonic() - started, "error": error, "finish": finish, "text": text}))
