#!/bin/sh
# make-prefix.sh ROOT PREFIX: an initialised wine prefix that needs no update at start.
set -eu
root=$1 prefix=$2
dlls=/usr/lib/x86_64-linux-gnu/wine/x86_64-windows

# wine knows its files by their absolute paths
for path in share/wine lib/wine lib/x86_64-linux-gnu/wine; do ln -s "$root/usr/$path" "/usr/$path"; done
export WINEPREFIX="$prefix" WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe=' USER=xbuild
/usr/lib/wine/wine64 wineboot --init < /dev/null
/usr/lib/wine/wineserver64 --wait

# Wine copies its own DLLs into the prefix; links keep it small enough to be copied at each start, which is
# needed because wine wants to own its prefix, whatever user it runs as.
python3 - "$prefix/drive_c/windows" "$dlls" << 'END'
import pathlib, sys
for file in pathlib.Path(sys.argv[1]).rglob("*.*"):
    own = pathlib.Path(sys.argv[2], file.name.lower())
    if own.is_file() and not file.is_symlink():
        file.unlink()
        file.symlink_to(own)
END
rm -rf "$prefix/wineserver" "$prefix/drive_c/windows/Installer" "$prefix/drive_c/windows/temp"/*
# the time stamps of a layer are not those of the packages: without this, wine would update the prefix
echo disable > "$prefix/.update-timestamp"
chmod -R a+rX "$prefix"
