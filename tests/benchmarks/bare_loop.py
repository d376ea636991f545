"""The same HTTP calls with json alone: no rules, no ledger, no checks. What the program's speed is held against.

    python bare_loop.py RECORD FHIR_ORIGIN SMS_BASE_URL USERNAME PASSWORD PARALLEL MESSAGES

makes the recorded FHIR requests again in their order, parses every answer, then sends as many messages as
``MESSAGES`` says in so many threads, and prints the seconds that it took (imports not counted).
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

TEXT = (
    "Påminnelse till Tolvan: Du har ett telefonbesök 2031-09-02 klockan 10.00 med hälso- och sjukvården, Region "
    "Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. Till de flesta "
    "mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
)
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _read(client: httpx.Client, origin: str, record: Path) -> None:
    for line in record.read_text("utf-8").splitlines():
        call = json.loads(line)
        url = origin + call["path"]
        headers = _FORM if call["body"] else {}
        answer = client.request(call["method"], url, params=call["query"], content=call["body"], headers=headers)
        json.loads(answer.content)


def _send(client: httpx.Client, base_url: str, number: int) -> None:
    form = {"from": "RegionVB", "to": f"+467017406{5 + number % 95:02}", "message": TEXT, "dontlog": "message"}
    json.loads(client.post(f"{base_url}/a1/sms", data=form).content)


def _main() -> None:
    record, origin, sms, username, password, parallel, messages = sys.argv[1:]
    limits = httpx.Limits(max_connections=int(parallel), max_keepalive_connections=int(parallel))
    with (
        httpx.Client(headers={"Accept": "application/fhir+json"}) as fhir,
        httpx.Client(auth=(username, password), limits=limits) as provider,
        ThreadPoolExecutor(int(parallel)) as pool,
    ):
        begun = time.perf_counter()
        _read(fhir, origin, Path(record))
        read = time.perf_counter()
        list(pool.map(lambda number: _send(provider, sms, number), range(int(messages))))
        ended = time.perf_counter()
    print(json.dumps({"read": read - begun, "send": ended - read, "seconds": ended - begun}))  # noqa: T201


if __name__ == "__main__":
    _main()
