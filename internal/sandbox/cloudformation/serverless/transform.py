"""Runs AWS::Serverless-2016-10-31 by the program that AWS runs it by.

Reads {"template", "parameters", "region"} from its standard input and writes
{"template"} or {"refused": why}; ends with 3 where the translator is not installed. No call
is made: the region is given, and names of managed policies are looked up in the list that
comes with the translator.
"""

import json
import sys

try:
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(3)


class NoPolicies:
    """What is asked for managed policies that the translator's own list does not have."""

    def load(self):
        return {}


def fetched(template):
    """The first resource that is an application of the Serverless Application Repository."""
    for name, resource in template["Resources"].items():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Application":
            properties = resource.get("Properties")
            if isinstance(properties, dict) and isinstance(properties.get("Location"), dict):
                return name
    return None


def main():
    given = json.load(sys.stdin)
    try:
        if name := fetched(given["template"]):
            raise NotImplementedError(f"the sandbox fetches no application of the Serverless Application Repository, as {name} names one")
        made = {"template": transform(given["template"], given["parameters"], NoPolicies())}
    except InvalidDocumentException as refused:
        made = {"refused": " ".join([refused.message, *(cause.message for cause in refused.causes)])}
    except Exception as failed:  # as AWS words it, with what it keeps to itself
        made = {"refused": f"Internal transform failure. ({type(failed).__name__}: {failed})"}
    return json.dump(made, sys.stdout, ensure_ascii=False)


main()
