"""Map the house's folders to one installed name: `preprocess/` becomes `movieqa.preprocess`, and so on."""

from setuptools import find_packages, setup

ROOMS = ("preprocess", "memory", "train", "eval")

packages = find_packages(include=["movieqa", "movieqa.*"])
package_dir = {"movieqa": "movieqa"}
for room in ROOMS:
    package_dir[f"movieqa.{room}"] = room
    packages += [f"movieqa.{name}" for name in find_packages(include=[room, f"{room}.*"])]

setup(packages=packages, package_dir=package_dir)
