"""Deploys the translated template to MiniStack, again and again. See scripts/rehearse.

What stands in for what, besides AWS itself: PostgreSQL and Redis for Aurora and ElastiCache, a password for the token
that IAM would have signed, plain text for TLS. The database's owner is what Aurora's master user is, no superuser, and
the cache's user may what the template says. The functions are the built ones, and the events and answers theirs.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.parse
import zipfile
from pathlib import Path

from rehearsed_template import FUNCTIONS, PASSWORD, rehearsed

STACK = "rehearsal"
CREDENTIALS_KEYS = "k1:" + "A" * 43 + "="


class Rehearsal:
    def __init__(self, folder, functions, database_url, redis_url, psql, port):
        import boto3

        self.folder, self.functions, self.psql = Path(folder), Path(functions), psql
        self.database, self.redis = urllib.parse.urlsplit(database_url), urllib.parse.urlsplit(redis_url)
        self.port = int(port)
        self.record = self.folder / "record.jsonl"
        self.seen = 0
        self.translated = json.loads((self.folder / "translated.json").read_text())
        options = dict(
            endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )
        self.s3 = boto3.client("s3", **options)
        self.cloudformation = boto3.client("cloudformation", **options)
        self.secrets = boto3.client("secretsmanager", **options)
        self.functions_client = boto3.client(
            "lambda", config=boto3.session.Config(retries={"max_attempts": 0}), **options
        )

    # ------------------------------------------------------------------------------------------------- the servers

    def start_the_cloud(self):
        temporary = self.folder / "tmp"
        temporary.mkdir()
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(temporary), "TMPDIR": str(temporary),
            "DEAL_SCOUT_SESSION": os.environ.get("DEAL_SCOUT_SESSION", ""),
            "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port),
            "AWS_DEFAULT_REGION": "us-east-1", "LOG_LEVEL": "INFO",
        }
        log = open(self.folder / "ministack.log", "w")
        cloud = subprocess.Popen(
            [sys.executable, Path("scripts/imitate_aws.py").absolute(), self.record],
            env=environment, stdout=log, stderr=log, cwd=temporary,
        )
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return cloud
            if cloud.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit("MiniStack does not start:\n" + Path(log.name).read_text()[-2000:])

    def sql(self, statements, database="deals", owner=False, file=None, alone=False):
        user, password = ("deals_owner", PASSWORD) if owner else (self.database.username, self.database.password)
        command = [
            self.psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.database.port),
            "-U", user, "-d", database,
        ]
        if not alone:
            command.append("--single-transaction")
        command += ["-f", str(file)] if file else ["-c", statements]
        done = subprocess.run(
            command, env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            sys.exit(f"psql: {done.stderr}")
        return done.stdout.strip()

    def prepare_the_database(self):
        """An empty database `deals`, whose owner is no superuser but may grant rds_iam, as Aurora makes it."""
        self.sql(
            f"create role rds_iam; create role deals_owner login createrole password '{PASSWORD}';"
            "grant rds_iam to deals_owner with admin option; alter database deals owner to deals_owner"
        )

    def restore(self, name, without_the_newest):
        """A database as a backup of the release before would bring it: all migrations but the newest."""
        migrations = sorted(Path("migrations").glob("V*.sql"), key=self.version)
        kept = migrations[:-1] if without_the_newest else migrations
        self.sql(f"create database {name} owner deals_owner", alone=True)
        for file in kept:
            bare = file.read_text().startswith("-- refinery:no-transaction")
            self.sql(None, database=name, owner=True, file=file, alone=bare)
        self.sql(
            "create table refinery_schema_history (version int4 primary key, name varchar(255), applied_on varchar(255),"
            " checksum varchar(255))",
            database=name,
            owner=True,
        )
        last = self.version(kept[-1])
        rows = self.sql(
            "select string_agg(format('(%s, %L, %L, %L)', version, name, applied_on, checksum), ', ')"
            f" from refinery_schema_history where version <= {last}"
        )
        self.sql(f"insert into refinery_schema_history values {rows}", database=name, owner=True)

    @staticmethod
    def version(file):
        return int(re.match(r"V(\d+)__", file.name)[1])

    def versions(self, database):
        return self.sql("select coalesce(max(version), 0) from refinery_schema_history", database=database)

    def let_the_cache_in(self):
        """The template's user, on our Redis, with the password that the stack has made up."""
        user = self.translated["Resources"]["CacheUser"]["Properties"]
        arn = self.physical("CacheSecret")
        password = json.loads(self.secrets.get_secret_value(SecretId=arn)["SecretString"])["password1"]
        words = ["ACL", "SETUSER", user["UserName"], "reset", f">{password}", *user["AccessString"].split()]
        command = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection((self.redis.hostname, self.redis.port), timeout=5) as connection:
            connection.sendall(command.encode())
            answer = connection.recv(1000)
        if answer != b"+OK\r\n":
            sys.exit(f"Redis refuses the template's AccessString: {answer}")

    # ------------------------------------------------------------------------------------------------ the template

    def pack(self):
        self.s3.create_bucket(Bucket="artifacts")
        for name in FUNCTIONS.values():
            path = self.folder / f"{name}.zip"
            with zipfile.ZipFile(path, "w") as archive:
                archive.write(self.functions / name, "bootstrap")
            self.s3.upload_file(str(path), "artifacts", path.name)
        path = self.folder / "certificates.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("README", "No certificates: the rehearsal has no TLS.\n")
        self.s3.upload_file(str(path), "artifacts", path.name)

    def template(self, digest, **changes):
        """Where what of the template can be rehearsed lies."""
        stand_ins = {
            "Database.Endpoint.Address": "127.0.0.1",
            "Database.Endpoint.Port": str(self.database.port),
            "Database.DBClusterResourceId": "cluster-REHEARSAL",
            "Cache.Endpoint.Address": self.redis.hostname,
            "Cache.Endpoint.Port": str(self.redis.port),
            "Cache": "rehearsal",
        }
        template = rehearsed(self.translated, stand_ins, digest, **changes)
        self.s3.put_object(Bucket="artifacts", Key="template.json", Body=json.dumps(template))
        return f"http://127.0.0.1:{self.port}/artifacts/template.json"

    # ---------------------------------------------------------------------------------------------------- the acts

    def physical(self, name):
        about = self.cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        return about["StackResourceDetail"]["PhysicalResourceId"]

    def events(self, stack):
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]]

    def settle(self, act, wanted, stack):
        for _ in range(900):
            status = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(0.1)
        if status != wanted:
            reasons = [
                f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event['ResourceStatusReason']}"
                for event in reversed(self.events(stack))
                if "FAILED" in event["ResourceStatus"] and event.get("ResourceStatusReason")
            ]
            sys.exit(f"{act}: {status}, not {wanted}\n" + "\n".join(reasons))

    def conversation(self, act, *wanted):
        """What was asked and answered since the last look: each request once, each answer after it."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        new, self.seen = [json.loads(line) for line in lines[self.seen :]], len(lines)
        said = [line.get("asked") or line["answered"] for line in new]
        if said != list(wanted):
            sys.exit(f"{act}: {said}, not {list(wanted)}: {new}")
        for line in new:
            if "answered" in line:
                print(f"  {act}: {line['answered']}, {line['reason']}")
        return new

    def in_order(self, act, stack, *steps):
        """Each of these happened, after the one before."""
        events = reversed(self.events(stack))
        happened = [f"{event['LogicalResourceId']} {event['ResourceStatus']}" for event in events]
        at = -1
        for step in steps:
            if step not in happened[at + 1 :]:
                sys.exit(f"{act}: {step} did not follow: {happened}")
            at = happened.index(step, at + 1)

    def invoke(self, name, event):
        answer = self.functions_client.invoke(
            FunctionName=self.physical(name), Payload=Path("events", event).read_bytes()
        )
        body = json.load(answer["Payload"])
        if "FunctionError" in answer:
            sys.exit(f"{name}: {body}")
        return body

    def works(self, act):
        """Each kind of function does something, as the user of the database that it is to be."""
        health = self.invoke("HealthFunction", "health_get.json")
        state = json.loads(health["body"])
        if health["statusCode"] != 200 or not (state["db"] and state["redis"]):
            sys.exit(f"{act}: health says {health}")
        listings = self.invoke("ListingsFunction", "listings_list.json")
        if listings["statusCode"] != 200:
            sys.exit(f"{act}: listings says {listings}")
        # The worker registers as an extension to hear of its end, and MiniStack has no such API: only its settings are seen.
        worker = self.functions_client.get_function_configuration(FunctionName=self.physical("WorkerFunction"))
        if worker["Environment"]["Variables"]["CREDENTIALS_KEYS"] != CREDENTIALS_KEYS:
            sys.exit(f"{act}: worker does not have the secret's keys")
        self.invoke("RefitFunction", "refit_value.json")
        print(f"  {act}: health and listings answer 200, refit does its task, the worker has its keys")

    def run(self):
        newest = max(self.version(file) for file in Path("migrations").glob("V*.sql"))
        self.prepare_the_database()
        self.pack()
        change = dict(StackName=STACK, Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"])
        parameters = {"CredentialsKeysSecret": self.credentials_keys(), "AlarmEmail": "somebody@example.com"}
        arguments = [dict(ParameterKey=name, ParameterValue=value) for name, value in parameters.items()]

        print("Create, in an account and a database that are empty")
        created = self.cloudformation.create_stack(
            TemplateURL=self.template("first"), Parameters=arguments, **change
        )["StackId"]
        self.settle("Create", "CREATE_COMPLETE", created)
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
        made = {about["LogicalResourceId"] for page in pages for about in page["StackResourceSummaries"]}
        answer = self.conversation("Create", "Create", "SUCCESS")[1]
        for before in ("S3Endpoint", "PrivateRoutesA", "PrivateRoutesB", "MigrateOnce", "MigrateFunction"):
            self.in_order("Create", created, f"{before} CREATE_COMPLETE", "Migration CREATE_IN_PROGRESS")
        for after in ("HealthFunction", "ListingsFunction"):
            self.in_order("Create", created, "Migration CREATE_COMPLETE", f"{after} CREATE_IN_PROGRESS")
        applied = int(self.versions("deals"))
        if applied != newest or answer["data"]["AppliedCount"] < newest:
            sys.exit(f"the functions know migrations up to V{applied}, the folder up to V{newest}: build them again")
        self.sql("".join(f"alter role {role} password '{PASSWORD}';" for role in ("deals_app", "deals_worker")))
        self.let_the_cache_in()
        self.works("Create")

        print("Update of the code alone")
        self.cloudformation.update_stack(
            TemplateURL=self.template("first", log_level="WARN"), Parameters=arguments, **change
        )
        self.settle("Update", "UPDATE_COMPLETE", created)
        self.conversation("Update")
        print("  Update: no migration was asked for")

        print("Update with the newest migration, on a database of the release before")
        self.restore("older", without_the_newest=True)
        self.cloudformation.update_stack(
            TemplateURL=self.template("second", database="older"), Parameters=arguments, **change
        )
        self.settle("Update", "UPDATE_COMPLETE", created)
        asked, answer = self.conversation("Update", "Update", "SUCCESS")
        if answer["data"]["AppliedCount"] != 1 or int(self.versions("older")) != newest:
            sys.exit(f"Update: one migration was to be applied: {answer}")
        self.works("Update")

        print("Update that fails after its migration: the code of a function is lost")
        self.restore("migrated", without_the_newest=True)
        self.cloudformation.update_stack(
            TemplateURL=self.template("third", database="migrated", broken="HealthFunction"), Parameters=arguments, **change
        )
        self.settle("Update", "UPDATE_ROLLBACK_COMPLETE", created)
        *_, again, _ = self.conversation("Update", "Update", "SUCCESS", "Update", "SUCCESS")
        if (again["digest"], again["database"]) != ("second", "older") or int(self.versions("migrated")) != newest:
            sys.exit(f"the roll-back is to ask for what was before, and to leave the schema: {again}")
        self.works("Roll-back")

        print("Update that fails: somebody has changed a migration that this database has")
        self.restore("edited", without_the_newest=True)
        self.sql("update refinery_schema_history set checksum = '1' where version = 1", database="edited", owner=True)
        before = self.versions("edited")
        self.cloudformation.update_stack(
            TemplateURL=self.template("fourth", database="edited"), Parameters=arguments, **change
        )
        self.settle("Update", "UPDATE_ROLLBACK_COMPLETE", created)
        *_, again, _ = self.conversation("Update", "Update", "FAILED", "Update", "SUCCESS")
        if (again["digest"], again["database"]) != ("second", "older") or self.versions("edited") != before:
            sys.exit(f"the roll-back is to ask for what was before, and nothing to be applied: {again}")
        self.works("Roll-back")

        print("Delete")
        self.cloudformation.delete_stack(StackName=STACK)
        self.settle("Delete", "DELETE_COMPLETE", created)
        self.conversation("Delete", "Delete", "SUCCESS")
        for after in ("S3Endpoint", "PrivateRoutesA", "PrivateRoutesB", "MigrateFunction"):
            self.in_order("Delete", created, "Migration DELETE_COMPLETE", f"{after} DELETE_IN_PROGRESS")
        if int(self.versions("older")) != newest or int(self.versions("deals")) != newest:
            sys.exit("Delete: the schema is gone")
        print("  Delete: the schema is still there")

        kinds = {name: resource["Type"] for name, resource in self.translated["Resources"].items()}
        never = set(kinds.values()) - {kinds[name] for name in made}
        print(f"{len(made)} of {len(kinds)} resources were rehearsed; none of", *sorted(never))

    def credentials_keys(self):
        made = self.secrets.create_secret(Name="credentials-keys", SecretString=CREDENTIALS_KEYS)
        return f"{made['ARN']}:SecretString:::{made['VersionId']}"


def main():
    rehearsal = Rehearsal(*sys.argv[1:])
    cloud = rehearsal.start_the_cloud()
    try:
        rehearsal.run()
    except SystemExit:
        print((rehearsal.folder / "ministack.log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        cloud.terminate()
        try:
            cloud.wait(10)
        except subprocess.TimeoutExpired:
            cloud.kill()


main()
