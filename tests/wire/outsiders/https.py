"""A client of HTTPS that nobody here has written: Python's. Posts a message and prints what came of it.

python3 https.py URL KEY CERTIFICATE_THAT_IS_TRUSTED TLS_VERSION MESSAGE
"""

import http.client
import json
import ssl
import sys
import urllib.parse

url, key, trusted, version, message = sys.argv[1:]
context = ssl.create_default_context(cafile=trusted)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
target = urllib.parse.urlsplit(url)
connection = http.client.HTTPSConnection(target.hostname, target.port, context=context, timeout=30)
headers = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "x-litellm-api-key": key,
}
connection.request("POST", target.path, message, headers)
answer = connection.getresponse()
said = {"tls": connection.sock.version(), "http": answer.version, "status": answer.status}
print(json.dumps(said | {"body": json.loads(answer.read())}))
