# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of a browser as the login page needs: TLS 1.3 with one trusted CA, forms, same-origin posts, redirects. Chromium itself
is in tests/browser."""
import html.parser
import http.client
import socket
import ssl
import urllib.parse

from netns import wait_until


class Form:
    def __init__(self, attributes):
        self.action = attributes.get("action") or ""
        self.method = (attributes.get("method") or "get").lower()
        self.fields = {}  # name -> value
        self.kinds = {}  # name -> type of the input


class Page(html.parser.HTMLParser):
    """One answer: status, headers, visible text, forms."""

    def __init__(self, url, status, headers, body):
        super().__init__()
        self.url, self.status, self.headers, self.body = url, status, headers, body
        self.forms, self.language, self.refresh, self._words, self._hidden = [], None, None, [], 0
        self.feed(body)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "html":
            self.language = a.get("lang")
        elif tag == "meta" and (a.get("http-equiv") or "").lower() == "refresh":
            # Seconds: something is being waited for. Minutes: the page only keeps itself up to date.
            seconds, _, target = a["content"].partition(";url=")
            self.refresh = target or self.url if int(seconds) <= 10 else None
        elif tag in ("style", "script", "head"):
            self._hidden += 1
        elif tag == "form":
            self.forms.append(Form(a))
        elif tag in ("input", "button", "select") and a.get("name") and self.forms:
            self.forms[-1].fields[a["name"]] = a.get("value", "")
            kind = "submit" if tag == "button" else a.get("type", "text")
            self.forms[-1].kinds[a["name"]] = "hidden" if "readonly" in a else kind

    def handle_endtag(self, tag):
        if tag in ("style", "script", "head"):
            self._hidden -= 1

    def handle_data(self, data):
        if not self._hidden and data.strip():
            self._words.append(data.strip())

    @property
    def text(self):
        return " ".join(self._words)

    @property
    def waits(self):
        """Something is under way; a session's page is not waiting, even where it shows itself anew in its last seconds."""
        return self.refresh and not any(f.action == "/logout" for f in self.forms)

    def form(self, *kinds):
        """The first form that has an input of each of these kinds, or None."""
        return next((f for f in self.forms if all(k in f.kinds.values() for k in kinds)), None)


class Browser:
    def __init__(self, phone, name, address, ca, port=443, language="en"):
        self.phone, self.name, self.address, self.port, self.language = phone, name, address, port, language
        self.context = ssl.create_default_context(cafile=ca)
        self.origin = f"https://{name}" + ("" if port == 443 else f":{port}")
        self.tls, self.agent = None, "sekisho-tests"
        self.page = None

    def _request(self, method, path, body=None, headers=None):
        raw = self.phone.connect(self.address, self.port, socket.SOCK_STREAM, timeout=30.0)
        with self.context.wrap_socket(raw, server_hostname=self.name) as s:
            self.tls = s.version()
            connection = http.client.HTTPConnection(self.name, self.port)
            connection.sock = s
            connection.request(method, path, body, {
                "Host": self.origin[len("https://"):], "Accept-Language": self.language, "User-Agent": self.agent,
                "Accept": "text/html", **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode()
            return Page(path, answer.status, answer.headers, text)

    def _follow(self, page):
        for _ in range(5):
            if page.status not in (301, 302, 303):
                break
            page = self._request("GET", urllib.parse.urljoin(page.url, page.headers["Location"]))
        self.page = page
        return page

    def get(self, path="/"):
        return self._follow(self._request("GET", path))

    def submit(self, form, **values):
        fields = {name: value for name, value in form.fields.items() if form.kinds[name] != "submit"} | values
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        target = urllib.parse.urljoin(self.page.url, form.action)
        return self._follow(self._request(form.method.upper(), target, urllib.parse.urlencode(fields), headers))

    def settle(self):
        """Follows a page that says 'wait' (meta refresh) until it says something else."""
        return wait_until(lambda: self.page if not self.page.waits or not self.get(self.page.refresh).waits else None, 60)

    def open(self):
        """The login form; after a restart of the gateway the page says for a moment that it is away."""
        return wait_until(lambda: self.get("/").form("text"), 20, "the login form")

    def login(self, user, *secrets):
        """Opens the page and answers its questions: first the name, then one secret for each question asked, in order."""
        secrets = list(secrets)
        first = form = self.open()
        values = {next(name for name, kind in form.kinds.items() if kind == "text"): user}
        while True:
            self.submit(form, **values)
            page = self.settle()
            form = page.form("password") or page.form("text")
            if not form or form.action == first.action or not secrets:
                return page
            asked = [name for name, kind in form.kinds.items() if kind in ("password", "text")]
            values = {name: secrets.pop(0) for name in asked[:len(secrets)]}
