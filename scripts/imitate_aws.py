"""Runs MiniStack, and writes down what it asks the custom resource and is answered. See scripts/rehearse.

imitate_aws.py RECORD
"""

import json
import sys

from ministack import app
from ministack.services.cloudformation import custom_resource

record = sys.argv[1]
ask, take = custom_resource.invoke_custom_resource, custom_resource.deliver_response


def note(**line):
    with open(record, "a") as file:
        file.write(json.dumps(line) + "\n")


def invoke_custom_resource(request_type, logical_id, properties, *arguments, **named):
    note(asked=request_type, digest=properties["MigrationsDigest"], database=properties["Database"])
    return ask(request_type, logical_id, properties, *arguments, **named)


def deliver_response(token, answer):
    note(answered=answer["Status"], reason=answer["Reason"], data=answer["Data"])
    return take(token, answer)


custom_resource.invoke_custom_resource = invoke_custom_resource
custom_resource.deliver_response = deliver_response
sys.argv = ["ministack"]
app.main()
