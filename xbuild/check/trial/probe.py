"""Runs on the interpreter under test: import modules and say what this interpreter is.

It is sent into the tester as a file, so it stands alone, and it is read by Python 3.9 and PyPy too. The last
line of standard output is a JSON object.
"""

import importlib
import json
import platform
import sys
import traceback


def wine_version() -> str:
    """Wine's version, or "" where this is not wine."""
    if platform.system() != "Windows":
        return ""
    import ctypes  # noqa: PLC0415  # PyPy may lack it

    ask = getattr(ctypes.CDLL("ntdll"), "wine_get_version", None)
    if ask is None:
        return ""
    ask.restype = ctypes.c_char_p
    return bytes(ask()).decode()


def interpreter_version() -> str:
    """The implementation's own version, with the language's where that is another."""
    pypy = getattr(sys, "pypy_version_info", None)
    if pypy is None:
        return platform.python_version()
    return f"{sys.version_info[0]}.{sys.version_info[1]} ({'.'.join(map(str, pypy[:3]))})"


def main() -> int:
    """Import what is named on the command line."""
    failed = {}
    for name in sys.argv[1:]:
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001  # a pyo3 panic is a BaseException
            traceback.print_exc()
            failed[name] = f"{type(error).__name__}: {error}"
    answer = {
        "implementation": platform.python_implementation(),
        "version": interpreter_version(),
        "machine": platform.machine(),
        "wine": wine_version(),
        "failed": failed,
    }
    sys.stderr.flush()
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
    sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
