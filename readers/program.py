"""The program under test, as the checks of this folder call it."""

import os
import pathlib
import subprocess


def same(what, left, right):
    assert left == right, f"{what}: {left!r} is not {right!r}"


class Program:
    """The binary under test, without settings of the caller's environment."""

    def __init__(self, binary, home):
        self.binary = str(pathlib.Path(binary).resolve())
        self.home = home
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CAPSCORE_")}
        self.environment = kept | {"CAPSCORE_PERSON_KEY": "sample"}

    def __call__(self, *arguments):
        done = subprocess.run(
            [self.binary, *arguments],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        command = " ".join(arguments[:2])
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"
        return done.stdout
