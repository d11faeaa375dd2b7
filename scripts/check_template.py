"""Translates template.yaml as CloudFormation does, and checks what a linter cannot know. See scripts/check-template.

check_template.py OUT     writes the translated template to OUT
check_template.py --fix   writes the digest of the migrations into template.yaml
"""

import hashlib
import json
import re
import sys
from pathlib import Path

TEMPLATE = Path("template.yaml")
PUBLIC = {"/health", "/ping", "/openapi.json", "/docs"}
# What AWS lets a function in a VPC do: write its logs and traces, and attach to the network.
MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AWSXRayDaemonWriteAccess",
}
DIGEST = re.compile(r"(?m)^(\s+MigrationsDigest: )(\S*)$")


def migrations_digest():
    """What `cd migrations && LC_ALL=C sha256sum V*.sql | sha256sum` says."""
    files = sorted(Path("migrations").glob("V*.sql"), key=lambda path: path.name.encode())
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def translate(source):
    from samcli.yamlhelper import yaml_parse
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform

    class PolicyNames:
        def load(self):
            return {name: f"arn:aws:iam::aws:policy/{name}" for name in MANAGED_POLICIES}

    template = yaml_parse(source)
    for resource in template["Resources"].values():
        for uri in ("CodeUri", "ContentUri"):
            if uri in resource.get("Properties", {}):
                resource["Properties"][uri] = "s3://bucket/key"
    try:
        return transform(template, {}, PolicyNames())
    except InvalidDocumentException as error:
        sys.exit("\n".join(f"template: {cause.message}" for cause in error.causes))


def many(value):
    """The values of a list or a single one, with what its conditions leave away."""
    if isinstance(value, dict) and "Fn::If" in value:
        value = value["Fn::If"][1:]
    if not isinstance(value, list):
        return [] if value in (None, {"Ref": "AWS::NoValue"}) else [value]
    return [one for item in value for one in many(item)]


def text(value):
    """A value as a pattern of Fn::Sub would say it."""
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::Sub": [pattern, _]} | {"Fn::Sub": pattern}:
            return text(pattern)
        case str():
            return value
    return json.dumps(value)


class Checks:
    def __init__(self, source, template):
        self.source = source
        self.resources = template["Resources"]
        self.parameters = template["Parameters"]
        self.problems = []

    def of_type(self, *types):
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] in types
        }

    def variables(self, function):
        return function.get("Environment", {}).get("Variables", {})

    def digest(self):
        found = [match[2] for match in DIGEST.finditer(self.source)]
        if found != [migrations_digest()]:
            self.problems.append(
                f"MigrationsDigest is {found}, the migrations say {migrations_digest()}: scripts/check-template --fix"
            )

    def routes(self):
        """Every route but the public ones is behind the JWT authorizer, and there is no other way in."""
        other = self.of_type("AWS::Lambda::Url", "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Route")
        self.problems += [f"{name}: a way in that these checks do not know" for name in other]
        count = 0
        for name, api in self.of_type("AWS::ApiGatewayV2::Api").items():
            body = api.get("Body", {})
            schemes = body.get("components", {}).get("securitySchemes", {})
            for path, methods in body.get("paths", {}).items():
                for method, operation in methods.items():
                    count += 1
                    if path in PUBLIC:
                        continue
                    # Alternatives: one that is not a JWT authorizer lets a caller pass without a token.
                    alternatives = [list(entry) for entry in operation.get("security", [])]
                    if not alternatives or not all(
                        any(self.is_jwt(schemes.get(scheme)) for scheme in entry) for entry in alternatives
                    ):
                        self.problems.append(f"{name}: {path} ({method}) is open to callers without a token")
        if not count:
            self.problems.append("there is no route")

    @staticmethod
    def is_jwt(scheme):
        authorizer = (scheme or {}).get("x-amazon-apigateway-authorizer", {})
        return authorizer.get("type") == "jwt" and bool(authorizer.get("jwtConfiguration"))

    def statements(self, role):
        """The statements of a role, after a look at what is attached to it."""
        documents = [policy["PolicyDocument"] for policy in many(role.get("Policies"))]
        managed = self.of_type("AWS::IAM::ManagedPolicy")
        for policy in many(role.get("ManagedPolicyArns")):
            attached = text(policy)
            if attached.removeprefix("${").removesuffix("}") in managed:
                documents.append(managed[policy["Ref"]]["PolicyDocument"])
            elif attached.rsplit("/", 1)[-1] not in MANAGED_POLICIES:
                self.problems.append(f"{attached} is attached to a function's role")
        return [statement for document in documents for statement in many(document["Statement"])]

    def permissions(self):
        """Each function may do what it names, and log in to the database as itself only."""
        roles = self.of_type("AWS::IAM::Role")
        for name in self.of_type("AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
            self.problems.append(f"{name}: write it into the function's Policies, where these checks see it")
        for name, function in self.of_type("AWS::Lambda::Function").items():
            role = function.get("Role", {}).get("Fn::GetAtt", [None])[0]
            if role not in roles:
                self.problems.append(f"{name}: its role is not in this template")
                continue
            logins = set()
            for statement in self.statements(roles[role]):
                if statement["Effect"] != "Allow":
                    continue
                actions = [text(action).lower() for action in many(statement.get("Action"))]
                targets = [text(target) for target in many(statement.get("Resource"))]
                if not actions or not targets:
                    self.problems.append(f"{name}: a policy that says what is not allowed allows all the rest")
                for action in actions:
                    if "*" in action or "?" in action:
                        self.problems.append(f"{name}: its role allows {action}")
                if "rds-db:connect" in actions:
                    for target in targets:
                        if "*" in target or "?" in target:
                            self.problems.append(f"{name}: its role may log in to {target}")
                        logins.add(target.rsplit("/", 1)[-1])
            user = self.variables(function).get("POSTGRES_USER", {"Ref": "AWS::NoValue"})
            needed = set() if user == {"Ref": "AWS::NoValue"} else {text(user)}
            if logins != needed:
                self.problems.append(f"{name}: logs in as {sorted(needed)}, its role allows {sorted(logins)}")

    def migration(self):
        """Nothing serves before the migration, and its answer arrives while CloudFormation waits."""
        custom = self.of_type("Custom::Migration")
        if list(custom) != ["Migration"]:
            self.problems.append(f"there must be one custom resource, Migration; there is {list(custom)}")
            return
        migrate = custom["Migration"]["ServiceToken"]["Fn::GetAtt"][0]
        function = self.resources[migrate]["Properties"]
        for name in self.of_type("AWS::Lambda::Function"):
            if name != migrate and "Migration" not in many(self.resources[name].get("DependsOn")):
                self.problems.append(f"{name}: does not wait for Migration")

        once = [
            (name, config)
            for name, config in self.of_type("AWS::Lambda::EventInvokeConfig").items()
            if config["FunctionName"] == {"Ref": migrate}
        ]
        if not once or once[0][1].get("MaximumRetryAttempts") != 0:
            self.problems.append(f"{migrate}: a failed run would be repeated after CloudFormation has its answer")
        elif once[0][0] not in many(self.resources["Migration"].get("DependsOn")):
            self.problems.append(f"Migration: does not wait for {once[0][0]}")
        else:
            longest = function["Timeout"] + once[0][1].get("MaximumEventAgeInSeconds", 21600)
            if int(custom["Migration"].get("ServiceTimeout", 3600)) <= longest:
                self.problems.append(f"Migration: ServiceTimeout must be above {longest} s")

        # On the way to the database and to S3, where the answer goes; and gone after it when the stack is deleted.
        for name in self.of_type(
            "AWS::EC2::VPCEndpoint",
            "AWS::EC2::SubnetRouteTableAssociation",
            "AWS::EC2::SecurityGroupIngress",
            "AWS::RDS::DBInstance",
        ):
            needed = "Condition" not in self.resources[name]
            if needed and name not in many(self.resources["Migration"].get("DependsOn")):
                self.problems.append(f"Migration: does not wait for {name}")

        # A bundle for the database and the cache alone would keep its answer from S3, and the stack waiting.
        if self.variables(function).get("SSL_CERT_FILE", {"Ref": "AWS::NoValue"}) != {"Ref": "AWS::NoValue"}:
            self.problems.append(f"{migrate}: needs the system's certificates, SSL_CERT_FILE replaces them")

    def names(self):
        """A second stack in the same account finds no name taken."""
        for name, schedule in self.of_type("AWS::Scheduler::Schedule").items():
            if "Name" in schedule:
                self.problems.append(f"{name}: has the same name in every stack, it needs OmitName: true")

    def local_only(self):
        for name, function in self.of_type("AWS::Lambda::Function").items():
            self.problems += [
                f"{name}: {key} is for local work only" for key in self.variables(function) if key.startswith("DEV_")
            ]
        if "DEV_AUTH" in self.source:
            self.problems.append("DEV_AUTH stands in template.yaml")

    def samconfig(self):
        """Each environment of samconfig.toml gives every parameter without a default, and none that is unknown."""
        import tomlkit

        required = {name for name, parameter in self.parameters.items() if "Default" not in parameter}
        environments = tomlkit.parse(Path("samconfig.toml").read_text()).unwrap()
        for name, commands in environments.items():
            if not isinstance(commands, dict):
                continue
            given = set(commands.get("global", {}).get("parameters", {}).get("parameter_overrides", {}))
            for wrong, what in ((given - set(self.parameters), "unknown"), (required - given, "missing")):
                if wrong:
                    self.problems.append(f"samconfig.toml, {name}: {what} {', '.join(sorted(wrong))}")
            for command, table in commands.items():
                if command != "global" and "parameter_overrides" in table.get("parameters", {}):
                    self.problems.append(f"samconfig.toml, {name}.{command}: parameter_overrides belong under global")


def main():
    source = TEMPLATE.read_text()
    if sys.argv[1:] == ["--fix"]:
        fixed, count = DIGEST.subn(rf"\g<1>{migrations_digest()}", source)
        if count != 1:
            sys.exit(f"template.yaml has {count} lines MigrationsDigest")
        if fixed != source:
            TEMPLATE.write_text(fixed)
        return
    (out,) = sys.argv[1:]
    template = translate(source)
    Path(out).write_text(json.dumps(template, indent=2))
    checks = Checks(source, template)
    checks.digest()
    checks.routes()
    checks.permissions()
    checks.migration()
    checks.names()
    checks.local_only()
    checks.samconfig()
    if checks.problems:
        sys.exit("\n".join(f"template: {problem}" for problem in checks.problems))


main()
