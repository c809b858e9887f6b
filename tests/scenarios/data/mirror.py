#!/usr/bin/env python3
"""A mirror as distributions' public ones are laid out, made of other servers: mirror.py ADDRESS PORT [PATH=URL]..."""
import http.server
import sys
import urllib.error
import urllib.request

address, port = sys.argv[1], int(sys.argv[2])
places = dict(place.split("=", 1) for place in sys.argv[3:])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        for path, url in places.items():
            if self.path.startswith(f"/{path}/"):
                return self.forward(url.rstrip("/") + self.path[len(path) + 1 :])
        self.send_error(404)

    def forward(self, url):
        headers = {name: self.headers[name] for name in ("If-Modified-Since", "Range", "If-Range") if name in self.headers}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            body = answer.read()
        self.send_response(answer.status)
        for name in ("Last-Modified", "Content-Type", "Content-Range"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer((address, port), Handler).serve_forever()
