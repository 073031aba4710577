"""The system user that PostgreSQL runs as where devstack itself runs as root."""

import shutil
import subprocess
import sys
from uuid import uuid4

PROGRAM = """
import sys
from devstack import system_user
system_user.USER_NAME = sys.argv[1]
sys.stdin.readline()
print(system_user.server_user())
"""


def test_programs_that_start_together_get_the_same_user() -> None:
    name = f"devstack-{uuid4().hex[:8]}"
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    try:
        for program in programs:
            assert program.stdin
            program.stdin.write("\n")
            program.stdin.flush()
        answers = {program.communicate(timeout=60)[0] for program in programs}
        assert [program.returncode for program in programs] == [0] * len(programs)
        assert len(answers) == 1
    finally:
        for program in programs:
            program.kill()
        if remove := shutil.which("userdel"):
            subprocess.run([remove, name], check=False, capture_output=True)
