"""Types commands to the stock clients, many of them in one process.

A start of Python with the clients' libraries costs a second or more, the command itself
hardly anything. Reads one JSON array a line, ["zun", "list"] or ["openstack", "appcontainer",
"list"], has the client's own shell do it as the program of that name would, and answers
with one JSON object a line: exit (the exit status), out and err (what it wrote).
"""

import contextlib
import io
import json
import logging
import sys

from openstackclient import shell as openstack
from zunclient import shell as zun

SHELLS = {
    "zun": lambda args: zun.OpenStackZunShell().main(args),
    "openstack": openstack.main,
}


def status(code):
    """The exit status of a program that calls sys.exit with code."""
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


def typed(program, args):
    """Has a shell do a command. What ends a program ends only the command."""
    try:
        return status(SHELLS[program](args))
    except SystemExit as end:
        return status(end.code)
    except Exception as failure:  # zunclient.shell.main, the zun program, ends like this
        print("ERROR: %s" % failure, file=sys.stderr)
        return 1


def forget_logging():
    """Each start of a shell adds handlers that write to its standard error."""
    for handler in list(logging.root.handlers):
        logging.root.removeHandler(handler)


def main():
    for line in sys.stdin:
        program, *args = json.loads(line)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = typed(program, args)
        forget_logging()
        answer = {"exit": code, "out": out.getvalue(), "err": err.getvalue()}
        print(json.dumps(answer), flush=True)


main()
