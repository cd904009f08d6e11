"""A request to the stack's HTTP API, signed with the user's credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

from chatlake.exceptions import StackUnusable
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject

_TIMEOUT_S = 15


def post(url: str, body: JsonObject, region: str) -> None:
    """Send JSON to the API, which must take it.

    Raises
    ------
    StackUnusable
        It did not; the message has the status, and nothing that was sent.
    """
    data, headers = dumps(body), {"Content-Type": "application/json"}
    credentials = (boto3.DEFAULT_SESSION or boto3.Session()).get_credentials()
    if credentials is None:
        raise NoCredentialsError
    request = AWSRequest("POST", url, data=data, headers=headers)
    SigV4Auth(credentials, "execute-api", region).add_auth(request)
    # The address is the stack's own output.
    signed = Request(url, data, dict(request.headers), method="POST")
    try:
        urlopen(signed, timeout=_TIMEOUT_S).close()  # nosec B310 # an output of the stack
    except HTTPError as error:
        error.close()
        raise StackUnusable(
            f"{url} answered {error.code}: 403 lacks execute-api:Invoke on it, else see the log "
            "of StartChat"
        ) from None
    except (URLError, TimeoutError) as error:
        raise StackUnusable(f"{url} cannot be reached: check your network, then try again") from (
            error
        )
