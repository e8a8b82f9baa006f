# malformed-json/google_genai/gemini/sync/whole/limited
import json
import sys
import time

from google.genai import Client

url, asked = sys.argv[1], json.loads(sys.argv[2])
error, finish, text, started = None, None, "", time.monotonic()
try:
    options = {"base_url": url, "api_version": "v1beta", "timeout": 1000, "retry_options": {"attempts": 1}}
    client = Client(api_key="k", http_options=options)
    config = {"max_output_tokens": 300, "system_instruction": asked["systemInstruction"]["parts"][0]["text"]}
    question = {"model": "gemini-2.5-flash", "contents": asked["contents"], "config": config}
    answer = client.models.generate_content(**question)
    text, finish = answer.text, answer.candidates[0].finish_reason.name
except Exception as problem:
    error = f"{type(problem).__module__}.{type(problem).__qualname__}"
print(json.dumps({"seconds": time.monotonic() - started, "error": error, "finish": finish, "text": text}))
