"""The file format: names, tags, members, and reading an archive that anybody may have made."""
