"""``kafka_jars.py VERSION DIRECTORY`` copies the jars of a broker, for an image of it."""

import shutil
import sys

from devstack.jars import resolve_class_path
from devstack.kafka_broker import MODES, supported_version

if __name__ == "__main__":
    version, directory = sys.argv[1:]
    for jar in resolve_class_path(MODES[supported_version(version)].coordinates(version)):
        shutil.copy(jar, directory)
