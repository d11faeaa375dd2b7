"""What of the translated template MiniStack can make a stack of. See scripts/rehearse."""

import json
import re
import string

FUNCTIONS = {
    "MigrateFunction": "migrate", "HealthFunction": "health", "ListingsFunction": "listings",
    "WorkerFunction": "worker", "RefitFunction": "refit",
}
# Instead of a token, of whoever logs in to the database.
PASSWORD = "instead-of-a-token"
# What MiniStack has none of, or only with Docker.
NOT_THERE = {
    "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup", "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyTargetGroup", "AWS::ElastiCache::ServerlessCache", "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::EIP", "AWS::EC2::NatGateway",
}


def references(value):
    """The names that a part of the template refers to, by Ref, Fn::GetAtt or Fn::Sub."""
    match value:
        case {"Ref": name}:
            yield name
        case {"Fn::GetAtt": [name, *_]}:
            yield name
        case {"Fn::Sub": pattern}:
            parts = pattern if isinstance(pattern, list) else [pattern]
            for name in re.findall(r"\$\{([A-Za-z0-9]+)[.}]", parts[0]):
                yield name
            yield from references(parts[1:])
        case dict():
            for part in value.values():
                yield from references(part)
        case list():
            for part in value:
                yield from references(part)


def with_stand_ins(value, stand_ins):
    """With our own servers wherever the template refers to Aurora or ElastiCache."""
    match value:
        case {"Ref": name} if name in stand_ins:
            return stand_ins[name]
        case {"Fn::GetAtt": [name, attribute]} if f"{name}.{attribute}" in stand_ins:
            return stand_ins[f"{name}.{attribute}"]
        # This condition is false, and what it leaves away refers to what is not there.
        case {"Fn::If": ["HasProxy", _, otherwise]}:
            return with_stand_ins(otherwise, stand_ins)
        case {"Fn::Sub": str(pattern)}:
            for name, text in stand_ins.items():
                pattern = pattern.replace(f"${{{name}}}", text)
            return {"Fn::Sub": pattern}
        case dict():
            return {key: with_stand_ins(part, stand_ins) for key, part in value.items()}
        case list():
            return [with_stand_ins(part, stand_ins) for part in value]
    return value


def can_be_made(name, resource):
    kind = resource["Type"]
    if kind in NOT_THERE or kind == "AWS::Lambda::Function" and name not in FUNCTIONS:
        return False
    return kind != "AWS::CloudWatch::Alarm" or "Metrics" not in resource["Properties"]  # metric math


def rehearsed(translated, stand_ins, digest, database="deals", log_level="INFO", broken=None):
    """The template, but for what cannot be made and all that refers to it."""
    template = json.loads(json.dumps(translated))
    template["Outputs"] = {}
    template["Parameters"]["LogLevel"]["Default"] = log_level
    resources = with_stand_ins(template["Resources"], stand_ins | {"Database": database})
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            # It refers to every function, and MiniStack makes no routes of it.
            del resource["Properties"]["Body"]
            resource["Properties"] |= {"Name": "rehearsal", "ProtocolType": "HTTP"}

    gone = {name for name, resource in resources.items() if not can_be_made(name, resource)}
    while more := {
        name
        for name, resource in resources.items()
        if name not in gone and gone & set(references(resource.get("Properties", {})))
    }:
        gone |= more
    template["Resources"] = resources = {name: part for name, part in resources.items() if name not in gone}

    for name, resource in resources.items():
        waits = resource.get("DependsOn", [])
        waits = [waits] if isinstance(waits, str) else waits
        resource["DependsOn"] = [other for other in waits if other in resources]
        if resource["Type"] == "AWS::Lambda::LayerVersion":
            resource["Properties"]["Content"] = {"S3Bucket": "artifacts", "S3Key": "certificates.zip"}
        if name in FUNCTIONS:
            code = "lost" if name == broken else FUNCTIONS[name]
            resource["Properties"]["Code"] = {"S3Bucket": "artifacts", "S3Key": f"{code}.zip"}
            without_tls(resource["Properties"]["Environment"]["Variables"], database)
    resources["Migration"]["Properties"]["MigrationsDigest"] = digest
    # MiniStack reads this one of the two ways to say it.
    resources["CacheSecret"]["Properties"]["GenerateSecretString"]["ExcludeCharacters"] = string.punctuation
    return template


def without_tls(variables, database):
    variables |= {
        "POSTGRES_DB": database, "POSTGRES_PASSWORD": PASSWORD,
        "DB_AUTH": "password", "DB_SSLMODE": "disable", "DB_SSLROOTCERT": "", "SSL_CERT_FILE": "",
    }
    redis = variables["REDIS_URL"]
    if "Fn::Sub" in redis:
        redis["Fn::Sub"] = redis["Fn::Sub"].replace("rediss:", "redis:")
