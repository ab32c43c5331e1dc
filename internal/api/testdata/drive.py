"""Drives python-zunclient against the API at argv[1]; prints one line of JSON per step."""
import io
import json
import sys
import tarfile

from keystoneauth1 import session, token_endpoint
from zunclient import client

url, version = sys.argv[1:3]
zun = client.Client(version, session=session.Session(auth=token_endpoint.Token(url, "user")))


def step(name, call):
    try:
        result = call()
        if isinstance(result, tuple):
            result = result[0].status_code
        print(json.dumps([name, result]))
    except Exception as error:  # the test compares which one it is
        print(json.dumps([name, type(error).__name__, str(error).split(" (HTTP")[0]]))


def tar_archive():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a"), io.BytesIO(b""))
    return content.getvalue()


c, web = zun.containers, "web"
encoded = version != "1.12"
command = "sleep '5 6'" if version == "1.12" else ["sleep", "5 6"]
step("negotiated", lambda: zun.api_version.get_string())
step("list", lambda: [one.name for one in c.list()])
step("list filtered", lambda: [one.name for one in c.list(name=web)])
step("show", lambda: c.get(web).addresses != {})
step("show unknown", lambda: c.get("none"))
step("run", lambda: c.run(image="nginx", name="x1", command=command, nets=[{"network": "foo"}], hints={},
                          mounts=[], labels={}, environment={}, auto_remove=False).status)
step("create badly", lambda: c.create(image="nginx", cpu=99))
step("stop", lambda: c.stop(web, 10))
step("restart", lambda: c.restart(web, 10))
step("kill", lambda: c.kill(web, None))
step("logs", lambda: c.logs(web, stdout=True, stderr=True))
step("exec", lambda: c.execute(web, command='"ls" "-l"', interactive=False)["exit_code"])
step("pause", lambda: c.pause(web))
step("unpause", lambda: c.unpause(web))
step("rebuild", lambda: c.rebuild(web, image="nginx:2"))
step("update", lambda: c.update(web, cpu="0.2", memory="200").memory)
step("rename", lambda: c.rename("db", "db"))
step("top", lambda: c.top(web))
step("stats", lambda: sorted(c.stats(web)))
step("get archive", lambda: str(c.get_archive(web, "/etc/hosts")["data"]))
step("put archive", lambda: c.put_archive(web, "/tmp", tar_archive() if encoded else tar_archive().decode()))
step("put badly", lambda: c.put_archive(web, "/tmp", b"no archive" if encoded else "no archive"))
step("commit", lambda: c.commit(web, "repo", "tag"))
step("add group", lambda: c.add_security_group(web, "g"))
step("attach", lambda: c.network_attach(web, network="foo"))
step("detach", lambda: c.network_detach(web, network="foo"))
step("action", lambda: zun.actions.get(web, "req-1").message)
step("delete", lambda: c.delete("db", stop=True))
step("services", lambda: zun.services.list())
