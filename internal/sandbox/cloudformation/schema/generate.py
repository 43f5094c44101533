"""Writes types.json: what AWS's provider schemas say about the resource types that the
sandbox makes, and what moto's CloudFormation can do with them.

Needs cfn-lint (which ships the schemas) and moto, both installed with pip. Run by
`go generate`; the output is committed, so that nothing else needs Python.
"""

import json
import pathlib
import sys

import cfnlint
from cfnlint.data.schemas.providers import us_east_1
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from moto.cloudformation import parsing

# Services whose types are described in full. Of all others the name alone is kept, to
# tell a type that the sandbox lacks from one that AWS does not know.
SERVICES = {
    "ApiGateway", "AutoScaling", "CDK", "CloudFormation", "CloudWatch", "CodeBuild",
    "CodeCommit", "Config", "DynamoDB", "EC2", "ECR", "EFS", "Events", "IAM", "KMS",
    "Kinesis", "Lambda", "Logs", "Route53", "S3", "SNS", "SQS", "SSM", "Scheduler",
    "SecretsManager", "StepFunctions",
}

RESOURCES = pathlib.Path(cfnlint.__file__).parent / "data" / "schemas" / "resources"


def names(schema, key):
    return [p.removeprefix("/properties/").replace("/", ".") for p in schema.get(key, [])]


def resolve(schema, prop):
    """Follows a $ref into the schema's definitions."""
    while isinstance(prop, dict) and "$ref" in prop:
        prop = schema.get("definitions", {}).get(prop["$ref"].rsplit("/", 1)[-1], {})
    return prop if isinstance(prop, dict) else {}


def kind(schema, prop):
    """The JSON type of a property, empty where the schema allows several."""
    t = resolve(schema, prop).get("type", "")
    return t if isinstance(t, str) else ""


def values(schema, prop):
    return [str(v) for v in resolve(schema, prop).get("enum", [])]


def attributes(name):
    """What Fn::GetAtt can answer."""
    return sorted(PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).get_atts)


def defaults(schema):
    """The default of each outermost property that has one."""
    found = ((p, resolve(schema, v)) for p, v in sorted(schema.get("properties", {}).items()))
    return {p: v["default"] for p, v in found if "default" in v}


def moto(name):
    model = parsing.get_model_map().get(name)
    if model is None:
        return None
    abstract = "__isabstractmethod__"
    return {
        "attributes": [a for a in attributes(name) if model.has_cfn_attr(a)],
        "update": not hasattr(model.update_from_cloudformation_json, abstract),
        "delete": hasattr(model, "delete")
        or not hasattr(model.delete_from_cloudformation_json, abstract),
    }


def read(name):
    return json.loads((RESOURCES / f"{us_east_1.types[name]}.json").read_text())


def describe(name):
    schema = read(name)
    properties = schema.get("properties", {})
    out = {
        "properties": {p: kind(schema, v) for p, v in sorted(properties.items())},
        "enums": {p: e for p, v in sorted(properties.items()) if (e := values(schema, v))},
        "required": schema.get("required", []),
        "createOnly": names(schema, "createOnlyProperties"),
        "maybeCreateOnly": names(schema, "conditionalCreateOnlyProperties"),
        "attributes": attributes(name),
        "writeOnly": names(schema, "writeOnlyProperties"),
        "readOnly": names(schema, "readOnlyProperties"),
        "defaults": defaults(schema),
        "id": names(schema, "primaryIdentifier"),
        "tags": schema.get("tagging", {}).get("tagProperty", "").removeprefix("/properties/"),
        "moto": moto(name),
    }
    return {k: v for k, v in out.items() if v}


def main():
    types = {}
    for name in sorted(n for n in us_east_1.types if "::" in n):
        service = name.split("::")[1]
        types[name] = describe(name) if service in SERVICES else {}
    out = pathlib.Path(sys.argv[1])
    lines = (f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in types.items())
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
