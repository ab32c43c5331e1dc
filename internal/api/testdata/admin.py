"""Drives python-zunclient's administrators' calls at argv[1]; prints one line of JSON per step."""
import json
import sys

from keystoneauth1 import session, token_endpoint
from zunclient import client

url, project = sys.argv[1:3]
zun = client.Client("1", session=session.Session(auth=token_endpoint.Token(url, "admin")))


def step(name, call):
    try:
        print(json.dumps([name, call()]))
    except Exception as error:  # the test compares which one it is
        print(json.dumps([name, type(error).__name__, str(error).split(" (HTTP")[0]]))


def switched(result):
    return [result[0].status_code, result[1]["service"]]


binary = "zun-compute"
step("hosts", lambda: [one.hostname for one in zun.hosts.list()])
step("hosts paged", lambda: [one.hostname for one in zun.hosts.list(limit=1, sort_key="cpus", sort_dir="desc")])
step("host", lambda: [zun.hosts.get("h1").cpus, len(zun.hosts.get("h1")._info)])
step("host unknown", lambda: zun.hosts.get("h9"))
step("zones", lambda: [one.availability_zone for one in zun.availability_zones.list()])
step("services", lambda: [[one.id, one.host, one.binary, one.state, one.disabled] for one in zun.services.list()])
step("disable", lambda: switched(zun.services.disable("h1", binary, "new disk")))
step("enable", lambda: switched(zun.services.enable("h1", binary)))
step("force down", lambda: switched(zun.services.force_down("h1", binary, True)))
step("unforce", lambda: switched(zun.services.force_down("h1", binary, False)))
step("service unknown", lambda: zun.services.enable("h9", binary))
step("quota", lambda: zun.quotas.get(project)._info)
step("usages", lambda: list(zun.quotas.get(project, usages=True)._info["cpu"].items()))
step("quota update", lambda: zun.quotas.update(project, containers=5, cpu=-1)._info)
step("quota defaults", lambda: zun.quotas.defaults(project)._info)
step("quota bad", lambda: zun.quotas.update(project, cpu=-2))
step("quota delete", lambda: zun.quotas.delete(project))
step("class update", lambda: zun.quota_classes.update("default", memory=1024)._info)
step("class", lambda: zun.quota_classes.get("default")._info)
step("service delete", lambda: zun.services.delete("h1", binary))
step("services left", lambda: len(zun.services.list()))
