from pathlib import Path

import counted

for _ in range(200):
    assert counted.vowels("every ox and 1234 cows under a tree " * 100) == 600
Path("trained").touch()
