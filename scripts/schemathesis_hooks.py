"""Requests that say something of others than of our functions are sent in a form that says something of ours."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    # `cargo lambda watch` itself answers these with a 500.
    for name, value in list((case.headers or {}).items()):
        if not str(value).isascii():
            case.headers[name] = str(value).encode("ascii", "replace").decode()
    media_type = (case.headers or {}).get("Content-Type") or case.media_type or ""
    body = getattr(case.body, "data", case.body)
    if isinstance(body, bytes) and not media_type.startswith("image/"):
        try:
            body.decode()
        except UnicodeDecodeError:
            case.body = b'{"not": "JSON'
    # A photo's place, /snap-jobs/uploads?photo=, looks to schemathesis like that of a snap job with the id `uploads`.
    if (case.path_parameters or {}).get("id") == "uploads":
        case.path_parameters["id"] = "0"
