"""A package mirror in trouble: serves a directory, answers 503 below /503/ and nothing at all below /hang/. Prints its port."""

import functools
import http.server
import sys
import time


class Mirror(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/503/"):
            self.send_error(503, "Service Unavailable")
        elif self.path.startswith("/hang/"):
            time.sleep(600)
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


address, directory = sys.argv[1:]
with http.server.ThreadingHTTPServer((address, 0), functools.partial(Mirror, directory=directory)) as server:
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
