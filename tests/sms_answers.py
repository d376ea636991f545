"""Providers' answers written down once more, apart from the stand-ins, for respx."""

import json
import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import httpx

SID = "AC" + "0" * 32


class Answers:
    """What a provider answers: it takes messages, and has what it was told to get wrong.

    ``taken`` lists what it has. ``trouble`` holds a refusal, which stands from then on, or an error with which the
    next message's answer is lost.
    """

    url: ClassVar[str]
    account: ClassVar[dict[str, str]]
    refused: ClassVar[httpx.Response]

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.trouble: list[httpx.Response | httpx.ReadTimeout] = []
        self._lock = threading.Lock()

    def routes(self, router: Any) -> None:
        """Answer what is asked of the provider."""
        raise NotImplementedError

    def sent(self) -> list[tuple[str, str, str]]:
        """Give number, sender and text of what was taken."""
        return [(each["to"], each["from"], each["text"]) for each in self.taken]

    def read(self, request: httpx.Request) -> dict[str, Any]:
        """Read a message."""
        raise NotImplementedError

    def accepted(self, message: dict[str, Any]) -> httpx.Response:
        """Say that it is taken."""
        raise NotImplementedError

    def send(self, request: httpx.Request) -> httpx.Response:
        """Take a message, or do as told."""
        with self._lock:
            if self.trouble and isinstance(self.trouble[0], httpx.Response):
                return self.trouble[0]
            message = self.read(request) | {"at": datetime.now(UTC), "number": len(self.taken)}
            if self._has(message):
                return self.duplicate(message)
            self.taken.append(message)
            if self.trouble:
                raise self.trouble.pop()
            return self.accepted(message)

    def _has(self, message: dict[str, Any]) -> bool:
        return False

    def duplicate(self, message: dict[str, Any]) -> httpx.Response:
        """Say that the provider has a message of this id."""
        raise NotImplementedError


class Elks46Answers(Answers):
    url = "https://46elks.test"
    account: ClassVar = {"base_url": url, "username": "u", "password": "p"}
    refused = httpx.Response(401, text="API access requires Basic HTTP authentication")

    def routes(self, router: Any) -> None:
        router.post(f"{self.url}/a1/sms").mock(side_effect=self.send)
        router.get(f"{self.url}/a1/sms").mock(side_effect=self._history)
        router.get(url__regex=rf"{self.url}/a1/sms/\w+").mock(side_effect=self._one)
        router.get(f"{self.url}/a1/me").respond(json={"balance": 9670500, "currency": "SEK", "email": "a@example.org"})

    def read(self, request: httpx.Request) -> dict[str, Any]:
        form = dict(parse_qsl(request.content.decode()))
        return {"to": form["to"], "from": form["from"], "text": form["message"]}

    def accepted(self, message: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, json=self._shown(message))

    def _shown(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"s{message['number']}",
            "to": message["to"],
            "from": message["from"],
            "created": message["at"].replace(tzinfo=None).isoformat(),
            "direction": "outgoing",
            "status": "created",
            "parts": 2,
        }

    def _history(self, request: httpx.Request) -> httpx.Response:
        shown = [self._shown(each) for each in reversed(self.taken) if each["to"] == request.url.params["to"]]
        return httpx.Response(200, json={"data": shown})

    def _one(self, request: httpx.Request) -> httpx.Response:
        found = [each for each in map(self._shown, self.taken) if request.url.path.endswith(f"/{each['id']}")]
        return httpx.Response(200, json=found[0]) if found else httpx.Response(404)


class SinchAnswers(Answers):
    url = "https://sinch.test"
    account: ClassVar = {"base_url": url, "service_plan_id": "plan", "api_token": "t"}
    refused = httpx.Response(401)

    def routes(self, router: Any) -> None:
        plan = f"{self.url}/xms/v1/plan/batches"
        router.post(plan).mock(side_effect=self.send)
        router.get(plan).mock(side_effect=self._list)
        router.get(url__regex=rf"{plan}/\w+/delivery_report").mock(side_effect=self._report)

    def read(self, request: httpx.Request) -> dict[str, Any]:
        batch = json.loads(request.content)
        (to,) = batch["to"]
        return {"to": f"+{to}", "from": batch["from"], "text": batch["body"], "reference": batch["client_reference"]}

    def accepted(self, message: dict[str, Any]) -> httpx.Response:
        return httpx.Response(201, json=self._shown(message))

    def _shown(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"id": f"B{message['number']}", "client_reference": message["reference"], "to": [message["to"][1:]]}

    def _list(self, request: httpx.Request) -> httpx.Response:
        wanted = request.url.params.get("client_reference")
        found = [self._shown(each) for each in self.taken if wanted in (None, each["reference"])]
        return httpx.Response(200, json={"count": len(found), "page": 0, "batches": found})

    def _report(self, request: httpx.Request) -> httpx.Response:
        known = [f"B{each['number']}" for each in self.taken]
        if request.url.path.split("/")[-2] not in known:
            return httpx.Response(404)
        return httpx.Response(200, json={"statuses": [{"code": 400, "status": "Queued", "count": 1}]})


class InfobipAnswers(Answers):
    url = "https://abc.infobip.test"
    account: ClassVar = {"base_url": url, "api_key": "k"}
    refused = httpx.Response(401, json={"errorCode": "E401"})
    pending: ClassVar = {"groupId": 1, "groupName": "PENDING", "id": 26, "name": "PENDING_ACCEPTED"}

    def routes(self, router: Any) -> None:
        router.post(f"{self.url}/sms/3/messages").mock(side_effect=self.send)
        router.get(f"{self.url}/sms/3/logs").mock(side_effect=self._logs)
        router.get(f"{self.url}/account/1/balance").respond(json={"balance": 47.7912, "currency": "EUR"})

    def read(self, request: httpx.Request) -> dict[str, Any]:
        (message,) = json.loads(request.content)["messages"]
        (to,) = message["destinations"]
        return {
            "to": f"+{to['to']}",
            "from": message["sender"],
            "text": message["content"]["text"],
            "reference": to["messageId"],
        }

    def accepted(self, message: dict[str, Any]) -> httpx.Response:
        return self._answer(message, self.pending)

    def _has(self, message: dict[str, Any]) -> bool:
        return any(each["reference"] == message["reference"] for each in self.taken)

    def duplicate(self, message: dict[str, Any]) -> httpx.Response:
        name = "REJECTED_DUPLICATE_MESSAGE_ID"
        return self._answer(message, {"groupId": 5, "groupName": "REJECTED", "id": 23, "name": name})

    def _answer(self, message: dict[str, Any], status: dict[str, Any]) -> httpx.Response:
        said = {"messageId": message["reference"], "status": status, "details": {"messageCount": 2}}
        return httpx.Response(200, json={"messages": [said]})

    def _logs(self, request: httpx.Request) -> httpx.Response:
        wanted = request.url.params["messageId"]
        found = [each["reference"] for each in self.taken if each["reference"] == wanted]
        logged = [{"messageId": each, "status": self.pending, "messageCount": 2} for each in found]
        return httpx.Response(200, json={"results": logged})


class TwilioAnswers(Answers):
    url = "https://twilio.test"
    account: ClassVar = {"base_url": url, "account_sid": SID, "auth_token": "t", "address_retention": "retain"}
    refused = httpx.Response(401, json={"code": 20003, "message": "Authenticate", "status": 401})

    def routes(self, router: Any) -> None:
        account = f"{self.url}/2010-04-01/Accounts/{SID}"
        router.post(f"{account}/Messages.json").mock(side_effect=self.send)
        router.get(f"{account}/Messages.json").mock(side_effect=self._list)
        router.get(url__regex=rf"{account}/Messages/\w+\.json").mock(side_effect=self._one)
        router.get(f"{account}.json").respond(json={"sid": SID, "status": "active", "friendly_name": "a@example.org"})

    def read(self, request: httpx.Request) -> dict[str, Any]:
        form = dict(parse_qsl(request.content.decode()))
        return {"to": form["To"], "from": form["From"], "text": form["Body"]}

    def accepted(self, message: dict[str, Any]) -> httpx.Response:
        return httpx.Response(201, json=self._shown(message))

    def _shown(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "sid": f"SM{message['number']:032x}",
            "to": message["to"],
            "from": message["from"],
            "body": "",
            "date_created": format_datetime(message["at"].replace(microsecond=0)),
            "direction": "outbound-api",
            "status": "queued",
            "error_code": None,
            "num_segments": "2",
        }

    def _list(self, request: httpx.Request) -> httpx.Response:
        shown = [self._shown(each) for each in reversed(self.taken)]
        return httpx.Response(200, json={"messages": shown, "next_page_uri": None})

    def _one(self, request: httpx.Request) -> httpx.Response:
        found = [each for each in map(self._shown, self.taken) if request.url.path.endswith(f"/{each['sid']}.json")]
        return httpx.Response(200, json=found[0]) if found else httpx.Response(404, json={"code": 20404})


class LinkAnswers(Answers):
    url = "https://link.test"
    account: ClassVar = {
        "base_url": url,
        "platform_id": "P",
        "platform_partner_id": "1",
        "username": "u",
        "password": "p",
    }
    refused = httpx.Response(401, json={"status": 106100, "description": "Invalid authentication"})

    def routes(self, router: Any) -> None:
        router.post(f"{self.url}/sms/send").mock(side_effect=self.send)

    def read(self, request: httpx.Request) -> dict[str, Any]:
        message = json.loads(request.content)
        return {"to": message["destination"], "from": message["source"], "text": message["userData"]}

    def accepted(self, message: dict[str, Any]) -> httpx.Response:
        said = {"messageId": f"Dc+/{message['number']}", "resultCode": 1005, "description": "Queued", "smsCount": 2}
        return httpx.Response(200, json=said)


class KannelAnswers(Answers):
    url = "http://kannel.test:13013"
    account: ClassVar = {"base_url": url, "username": "u", "password": "p"}
    refused = httpx.Response(403, text="Authorization failed for sendsms")

    def routes(self, router: Any) -> None:
        router.post(f"{self.url}/cgi-bin/sendsms").mock(side_effect=self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if "X-Kannel-To" in request.headers:
            return self.send(request)
        return httpx.Response(400, text="Missing receiver(s) number(s), rejected")

    def read(self, request: httpx.Request) -> dict[str, Any]:
        headers = request.headers
        return {"to": headers["X-Kannel-To"], "from": headers["X-Kannel-From"], "text": request.content.decode()}

    def accepted(self, message: dict[str, Any]) -> httpx.Response:
        return httpx.Response(202, text="0: Accepted for delivery")


ANSWERS: dict[str, type[Answers]] = {
    "46elks": Elks46Answers,
    "sinch": SinchAnswers,
    "infobip": InfobipAnswers,
    "twilio": TwilioAnswers,
    "link": LinkAnswers,
    "kannel": KannelAnswers,
}
